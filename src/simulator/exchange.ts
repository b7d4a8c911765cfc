import type { ServerResponse } from 'node:http';
import type { Payload } from './payload.js';
import { jsonPayload, refusalPayload, writePayload } from './payload.js';
import type { ActiveQuirks } from './quirks/active.js';
import type { Outcome, Recorder, RequestRecord } from './record.js';
import type { FaultKind, FaultResponse, StatusResponse } from './responses.js';

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
    private readonly quirks: ActiveQuirks,
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

  /** Waits, never less than `ms`. False when the client has left meanwhile. */
  async wait(ms: number): Promise<boolean> {
    if (ms > 0 && !this.#ended) {
      const until = performance.now() + ms;
      await new Promise<void>((resolve) => {
        // A timer counts from the start of the event loop's turn: in a busy process it ends too soon.
        const onTimer = (): void => {
          const left = until - performance.now();
          if (left > 0) timer = setTimeout(onTimer, left);
          else resolve();
        };
        let timer = setTimeout(onTimer, ms);
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
    this.#send(jsonPayload(body));
  }

  /** Sends a refusal or a broken answer, after its delay. `body` is the answer that the fault breaks. */
  async fault(fault: FaultResponse, body: (content: string) => object): Promise<void> {
    if (!(await this.wait(fault.delayMs ?? 0))) return;
    if ('status' in fault) this.#refuse(fault);
    else this.#break(fault.kind, body);
  }

  #refuse(refusal: StatusResponse): void {
    this.settle(refusal.status);
    this.#send(refusalPayload(refusal));
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
      this.#send({ status: 200, contentType: 'text/html', body: HTML, headers: {} });
      return;
    }
    const bodies = {
      'empty-object': {},
      'error-object': { error: { message: 'node failed', code: 500 } },
      'empty-content': body(''),
    };
    this.#send(jsonPayload(bodies[kind]));
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

  #send(payload: Payload): void {
    if (this.response.headersSent || this.response.destroyed) return;
    writePayload(this.response, this.quirks.write(payload));
  }
}
