import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Downtime } from './quirks/quirk.js';

/** Connections that may wait to be accepted; thousands are opened at once when a run starts. */
const BACKLOG = 4096;
/** Pause before the port is tried again that somebody else took meanwhile, ms. */
const RETRY_MS = 100;
/** The earliest end after a downtime is set: the response to the call that set it still goes out, ms. */
const GRACE_MS = 50;

/** A server that listens on its port, but for a downtime. */
export class Listener {
  #port: number;
  #timers: NodeJS.Timeout[] = [];
  #downtime: Downtime | undefined;

  constructor(
    private readonly server: Server,
    private readonly host: string,
    port: number,
  ) {
    this.#port = port;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens. Throws the system's error (`EADDRINUSE`) if it cannot. */
  async open(): Promise<void> {
    this.server.listen({ host: this.host, port: this.#port, backlog: BACKLOG });
    await once(this.server, 'listening');
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the simulator has no TCP port');
    this.#port = address.port;
  }

  /** Plans a downtime, or none. The same one again changes nothing. */
  plan(downtime: Downtime | undefined): void {
    if (downtime === this.#downtime) return;
    this.#downtime = downtime;
    this.#clearTimers();
    if (downtime === undefined) {
      this.#reopen();
      return;
    }
    const startMs = Math.max(GRACE_MS, downtime.startMs);
    const lengthMs = downtime.endMs - downtime.startMs;
    this.#timers = [
      setTimeout(() => this.#stopListening(), startMs),
      setTimeout(() => this.#reopen(), startMs + lengthMs),
    ];
  }

  /** Stops listening for good and cuts all connections. */
  async close(): Promise<void> {
    this.#clearTimers();
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.#stopListening();
    await closed;
  }

  #stopListening(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  #reopen(): void {
    if (this.server.listening) return;
    this.open().catch(() => {
      this.#timers.push(setTimeout(() => this.#reopen(), RETRY_MS));
    });
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
  }
}
