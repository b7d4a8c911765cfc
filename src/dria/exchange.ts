import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { answerText } from './answer-text.js';
import type { Lease } from './byte-budget.js';
import type { HttpAnswer } from './classify.js';
import { DriaError } from './errors.js';
import { networkError } from './network-error.js';
import type { Headers } from './retry-after.js';
import type { Secrets } from './secrets.js';

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
  readonly secrets?: Secrets;
  /** Called when a connection is there and the request goes out on it. */
  readonly onSent?: (() => void) | undefined;
  /** What a long answer takes before it is read on. Without it, it is read as it comes. */
  readonly lease?: Lease | undefined;
}

/** Maximum bytes of an answer's body, before and after unpacking. */
export const ANSWER_BYTES = 16 * 1024 * 1024;

/** Bytes of an answer that need no lease: most have fewer. A longer one takes four times as many, again and again. */
const FREE_BYTES = 64 * 1024;
const GROWTH = 4;

/**
 * Sends one request and reads the whole answer, whatever its status. Throws `NodeTimeout`, `EndpointUnavailable`,
 * `NetworkError` or `BadResponse` (too large, not HTTP), or the signal's own reason when it was aborted.
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
      handler.fail(networkError(error, request.secrets ?? [], { hasBegun: false }));
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
  #timer: NodeJS.Timeout;
  #deadline: number;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #status = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes that may be read. */
  #allowed: number;

  constructor(request: Exchange, resolve: (answer: HttpAnswer) => void, reject: (error: unknown) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#allowed = request.lease === undefined ? Number.POSITIVE_INFINITY : FREE_BYTES;
    this.#deadline = performance.now() + request.timeoutMs;
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
    else this.#request.onSent?.();
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // "103 Early Hints" and the like: the answer is still to come.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > ANSWER_BYTES) this.fail(tooLarge());
    else this.#chunks.push(chunk);
    if (!this.#settled && this.#bytes > this.#allowed) this.#readOn(controller);
  }

  /** Reads on once there is room in memory: the answers of many requests may come at once, and be megabytes each. */
  #readOn(controller: Dispatcher.DispatchController): void {
    const stated = Number(this.#headers['content-length']);
    const wanted = Math.max(Number.isSafeInteger(stated) ? stated : 0, GROWTH * this.#bytes);
    this.#allowed = Math.min(wanted, ANSWER_BYTES);
    const granted = this.#request.lease?.grow(this.#allowed);
    if (!(granted instanceof Promise)) return;
    controller.pause();
    // What it waits for here is not the endpoint's time.
    clearTimeout(this.#timer);
    const left = this.#deadline - performance.now();
    void granted.then(() => {
      if (this.#settled) return;
      this.#deadline = performance.now() + left;
      this.#timer = setTimeout(this.#onTimeout, Math.max(1, left));
      controller.resume();
    });
  }

  onResponseEnd(): void {
    if (!this.#settle()) return;
    const [first] = this.#chunks;
    const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#resolve({
      status: this.#status,
      headers: this.#headers,
      text: answerText(body, this.#headers, ANSWER_BYTES),
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const hasBegun = this.#status !== 0;
    if (this.#settle()) this.#reject(networkError(error, this.#request.secrets ?? [], { hasBegun }));
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

function tooLarge(): DriaError {
  const message = `the answer is larger than ${ANSWER_BYTES >> 20} MiB, the most that is read`;
  return new DriaError({ code: 'BadResponse', message });
}

const STOPPED = new Error('the request was stopped');
