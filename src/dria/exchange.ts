import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { DriaError } from './errors.js';
import { networkError } from './network-error.js';
import type { HttpAnswer } from './response-error.js';
import type { Headers } from './retry-after.js';

/** One request to send. */
export interface Exchange {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly path: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  /** Time for the whole exchange, connecting included, ms. */
  readonly timeoutMs: number;
  /** The time that the error message names, ms; `timeoutMs` by default. */
  readonly statedMs?: number;
  readonly signal?: AbortSignal | undefined;
  readonly secret?: string | undefined;
}

/** Bytes of an answer's body at most. */
export const ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * Sends one request and reads the whole answer, whatever its status. Throws `NodeTimeout`, `NetworkError` or
 * `BadResponse` (too large, not HTTP), or the signal's own reason when it was aborted.
 *
 * `dispatch` and not `request`: thousands of small answers a second need neither a stream nor an AbortController each.
 */
export function exchange(dispatcher: Dispatcher, request: Exchange): Promise<HttpAnswer> {
  if (request.signal?.aborted === true) return Promise.reject(request.signal.reason);
  return new Promise((resolve, reject) => {
    const handler = new ExchangeHandler(request, resolve, reject);
    try {
      dispatcher.dispatch({ ...parts(request), headersTimeout: 0, bodyTimeout: 0 }, handler);
    } catch (error) {
      handler.fail(networkError(error, request.secret));
    }
  });
}

function parts(request: Exchange) {
  const { origin, path, method, headers, body = null } = request;
  return { origin, path, method, headers, body };
}

/** Collects one answer, and settles once: by the answer, an error, the time-out or the signal. */
class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #request: Exchange;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: unknown) => void;
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(request: Exchange, resolve: (answer: HttpAnswer) => void, reject: (error: unknown) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = setTimeout(this.#onTimeout, request.timeoutMs);
    request.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Settles with an error and drops the connection. */
  fail(error: unknown): void {
    if (!this.#settle()) return;
    this.#reject(error);
    this.#controller?.abort(STOPPED);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // It waited for a connection until its time was over.
    if (this.#settled) controller.abort(STOPPED);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= ANSWER_BYTES) this.#chunks.push(chunk);
    else this.fail(new DriaError({ code: 'BadResponse', message: 'the answer is larger than 16 MiB' }));
  }

  onResponseEnd(): void {
    if (!this.#settle()) return;
    const [first] = this.#chunks;
    const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, headers: this.#headers, text: body.toString('utf8') });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#settle()) this.#reject(networkError(error, this.#request.secret));
  }

  #onTimeout = (): void => {
    const seconds = (this.#request.statedMs ?? this.#request.timeoutMs) / 1000;
    this.fail(new DriaError({ code: 'NodeTimeout', message: `no answer within ${seconds} s` }));
  };

  #onAbort = (): void => this.fail(this.#request.signal?.reason);

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    this.#request.signal?.removeEventListener('abort', this.#onAbort);
    return true;
  }
}

const STOPPED = new Error('the request was stopped');
