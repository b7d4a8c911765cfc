import type { Dispatcher } from 'undici';
import { parseKey } from './api-key.js';
import type { BodyStream } from './attachment-stream.js';
import { normalBaseUrl } from './base-url.js';
import type { HttpAnswer } from './classify.js';
import { createDispatcher } from './dispatcher.js';
import { type Exchange, exchange } from './exchange.js';
import { hasCredentials, type OwnHeaders, secretsIn } from './own-headers.js';
import type { Secrets } from './secrets.js';

/** Where an endpoint is and how to reach it. */
export interface EndpointOptions {
  /** Up to and with `/v1`; how it is written does not matter. */
  readonly baseUrl: string;
  /** Sent as a bearer token, unless `headers` has a key; without it, no Authorization header. */
  readonly apiKey?: string;
  /** A user's own headers, as `parseOwnHeaders` returns them. */
  readonly headers?: OwnHeaders;
  /** Maximum requests in flight, and sockets; by default no bound. */
  readonly connections?: number;
  /** Sends Dria's `timeout_secs`. Default: for Dria's own hosts. */
  readonly sendsTimeout?: boolean;
}

/** How long a request may take, who may stop it, and who wants to know when it goes out. */
export type Timing = Pick<Exchange, 'timeoutMs' | 'statedMs' | 'signal' | 'onSent' | 'lease'>;

/** HTTP to one endpoint: its address, its key, its pool of connections. */
export class HttpClient {
  /** In its normal form. */
  readonly baseUrl: string;
  /** The key and the values of own headers, for what has to keep them out of messages. */
  readonly secrets: Secrets;
  /** True if requests carry a key. */
  readonly hasCredentials: boolean;
  readonly #origin: string;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #postHeaders: Readonly<Record<string, string>>;
  readonly #dispatcher: Dispatcher;

  /** Throws `InvalidRequest` for a base URL that is none, and `Unauthorized` for a key that no header can hold. */
  constructor({ baseUrl, apiKey, headers = {}, connections }: EndpointOptions) {
    this.baseUrl = normalBaseUrl(baseUrl);
    const url = new URL(this.baseUrl);
    const key = parseKey(apiKey);
    this.secrets = [...(key === undefined ? [] : [key]), ...secretsIn(headers)];
    this.hasCredentials = key !== undefined || hasCredentials(headers);
    this.#origin = url.origin;
    this.#path = this.baseUrl.slice(url.origin.length);
    const authorization = key === undefined || hasCredentials(headers) ? {} : { authorization: `Bearer ${key}` };
    this.#headers = { accept: 'application/json', 'user-agent': 'dria-temporal', ...authorization, ...headers };
    this.#postHeaders = { ...this.#headers, 'content-type': 'application/json' };
    this.#dispatcher = createDispatcher(url, connections);
  }

  /** Sends a GET for a path under the base URL. */
  get(path: string, timing: Timing): Promise<HttpAnswer> {
    return exchange(this.#dispatcher, { ...this.#to(path), ...timing, method: 'GET', headers: this.#headers });
  }

  /** Sends JSON text by POST. */
  post(path: string, body: string, timing: Timing): Promise<HttpAnswer> {
    return exchange(this.#dispatcher, {
      ...this.#to(path),
      ...timing,
      method: 'POST',
      headers: this.#postHeaders,
      body,
    });
  }

  /** Sends a body by POST that is made while it is sent. Why it could not be made comes before what that did to the request. */
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
    return { origin: this.#origin, path: this.#path + path, secrets: this.secrets };
  }
}
