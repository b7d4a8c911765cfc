import type { ServerResponse } from 'node:http';
import type { Outcome, Recorder, RequestRecord } from './record.js';
import type { FaultKind, FaultResponse, StatusResponse } from './responses.js';
import { defaultMessage } from './responses.js';

const HTML = '<!doctype html><html><body><h1>502 Bad Gateway</h1></body></html>';

/** One request to the simulated network and what becomes of it. Ends once: by an answer, a fault, or the client leaving. */
export class Exchange {
  readonly record: RequestRecord;
  readonly #end: (outcome: Outcome, answered: boolean) => void;
  readonly #onEnd: ((answered: boolean) => void)[] = [];
  #ended = false;
  #stopWaiting: (() => void) | undefined;

  constructor(
    private readonly response: ServerResponse,
    recorder: Recorder,
    keyHash: string | undefined,
  ) {
    const { record, end } = recorder.begin(keyHash);
    this.record = record;
    this.#end = end;
    response.once('close', () => {
      this.settle('left');
      this.#stopWaiting?.();
    });
  }

  /** Does something when the exchange ends, however it ends. */
  onEnd(listener: (answered: boolean) => void): void {
    this.#onEnd.push(listener);
  }

  /**
   * Ends the exchange in the books; later calls do nothing. To be called before the answer is written: whoever has read
   * it may send the next request at once, and the two must not count as in flight together.
   */
  settle(outcome: Outcome, answered = false): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#end(outcome, answered);
    for (const listener of this.#onEnd) listener(answered);
  }

  /** Waits. False when the client has left meanwhile. */
  async wait(ms: number): Promise<boolean> {
    if (ms > 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#stopWaiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return !this.#ended;
  }

  /** Sends a usable answer. */
  answer(body: object): void {
    this.settle(200, true);
    this.#send(200, 'application/json', JSON.stringify(body));
  }

  /** Sends a refusal or a broken answer, after its delay. `body` is the answer that the fault breaks. */
  async fault(fault: FaultResponse, body: (content: string) => object): Promise<void> {
    if (!(await this.wait(fault.delayMs ?? 0))) return;
    if ('status' in fault) this.#refuse(fault);
    else this.#break(fault.kind, body);
  }

  #refuse(refusal: StatusResponse): void {
    const headers = { ...retryAfterHeader(refusal), ...refusal.headers };
    this.settle(refusal.status);
    this.#send(refusal.status, 'text/plain', refusal.message ?? defaultMessage(refusal.status), headers);
  }

  #break(kind: FaultKind, body: (content: string) => object): void {
    if (kind === 'hang') return;
    if (kind === 'reset') this.#reset();
    else if (kind === 'truncated') this.#truncate(JSON.stringify(body('This answer does not arrive whole.')));
    else this.#sendUnusable(kind, body);
  }

  #sendUnusable(kind: Exclude<FaultKind, 'hang' | 'reset' | 'truncated'>, body: (content: string) => object): void {
    this.settle(200);
    if (kind === 'html') {
      this.#send(200, 'text/html', HTML);
      return;
    }
    const bodies = {
      'empty-object': {},
      'error-object': { error: { message: 'node failed', code: 500 } },
      'empty-content': body(''),
    };
    this.#send(200, 'application/json', JSON.stringify(bodies[kind]));
  }

  #reset(): void {
    this.settle('reset');
    this.response.socket?.resetAndDestroy();
  }

  #truncate(body: string): void {
    this.settle('truncated');
    this.response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    this.response.write(body.slice(0, body.length / 2), () => this.response.destroy());
  }

  #send(status: number, contentType: string, body: string, headers: Readonly<Record<string, string>> = {}): void {
    if (this.response.headersSent || this.response.destroyed) return;
    this.response.writeHead(status, {
      'content-type': contentType,
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    this.response.end(body);
  }
}

/** RFC 9110, 10.2.3: whole seconds, or a date, which has no fractions either and is therefore rounded up. */
function retryAfterHeader({ retryAfterSecs, retryAfterForm }: StatusResponse): Record<string, string> {
  if (retryAfterSecs === undefined) return {};
  if (retryAfterForm === 'seconds') return { 'retry-after': String(retryAfterSecs) };
  const at = (Math.ceil(Date.now() / 1000) + retryAfterSecs) * 1000;
  return { 'retry-after': new Date(at).toUTCString() };
}
