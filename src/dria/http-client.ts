import type { Dispatcher } from 'undici';
import type { BodyStream } from './attachment-stream.js';
import { normalBaseUrl } from './base-url.js';
import { createDispatcher } from './dispatcher.js';
import { DriaError } from './errors.js';
import { type Exchange, exchange } from './exchange.js';
import type { HttpAnswer } from './response-error.js';

/** Where an endpoint is and how to reach it. */
export interface EndpointOptions {
  /** Up to and with `/v1`; how it is written does not matter. */
  readonly baseUrl: string;
  /** Sent as a bearer token; without it, no Authorization header. */
  readonly apiKey?: string;
  /** Requests in flight, and sockets, at most; by default no bound. */
  readonly connections?: number;
}

/** How long a request may take, and who may stop it. */
export type Timing = Pick<Exchange, 'timeoutMs' | 'statedMs' | 'signal'>;

/** HTTP to one endpoint: its address, its key, its pool of connections. */
export class HttpClient {
  /** In its normal form. */
  readonly baseUrl: string;
  /** The key, for what has to keep it out of messages. */
  readonly secret: string | undefined;
  readonly #origin: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #postHeaders: Readonly<Record<string, string>>;
  readonly #dispatcher: Dispatcher;

  /** Throws `InvalidRequest` for a base URL that is none, and `Unauthorized` for a key that no header can hold. */
  constructor({ baseUrl, apiKey, connections }: EndpointOptions) {
    this.baseUrl = normalBaseUrl(baseUrl);
    const url = new URL(this.baseUrl);
    this.secret = parseKey(apiKey);
    this.#origin = url.origin;
    this.#path = this.baseUrl.slice(url.origin.length);
    const authorization = this.secret === undefined ? {} : { authorization: `Bearer ${this.secret}` };
    this.#headers = { accept: 'application/json', 'user-agent': 'dria-temporal', ...authorization };
    this.#postHeaders = { ...this.#headers, 'content-type': 'application/json' };
    this.#dispatcher = createDispatcher(url, connections);
  }

  /** GET of a path under the base URL. */
  get(path: string, timing: Timing): Promise<HttpAnswer> {
    return exchange(this.#dispatcher, { ...this.#to(path), ...timing, method: 'GET', headers: this.#headers });
  }

  /** POST of JSON text. */
  post(path: string, body: string, timing: Timing): Promise<HttpAnswer> {
    return exchange(this.#dispatcher, {
      ...this.#to(path),
      ...timing,
      method: 'POST',
      headers: this.#postHeaders,
      body,
    });
  }

  /** POST of a body that is made while it is sent. Why it could not be made comes before what that did to the request. */
  async postStream(path: string, body: BodyStream, timing: Timing): Promise<HttpAnswer> {
    const headers = { ...this.#postHeaders, 'content-length': String(body.length) };
    const request: Exchange = { ...this.#to(path), ...timing, method: 'POST', headers, body: body.stream };
    try {
      return await exchange(this.#dispatcher, request);
    } catch (error) {
      throw body.failure()?.error ?? error;
    } finally {
      body.stream.destroy();
    }
  }

  /** Drops all connections; what is in flight fails with a `NetworkError`. */
  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #to(path: string) {
    return { origin: this.#origin, path: this.#path + path, secret: this.secret };
  }
}

function parseKey(apiKey: string | undefined): string | undefined {
  const key = apiKey?.trim() ?? '';
  if (key === '') return undefined;
  if (/^[\x21-\x7e]+$/.test(key)) return key;
  throw new DriaError({ code: 'Unauthorized', message: 'the API key has a character in it that no key has' });
}
