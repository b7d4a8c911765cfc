import { connect } from 'node:net';
import { systemCode } from '../system-error.js';

/** What is known of the collectors that telemetry goes to, so that nobody waits for one that is not there. */
export class Collector {
  private said = false;
  private reachable = false;
  private troubled = Number.NEGATIVE_INFINITY;

  constructor(private readonly warn: (message: string) => void) {}

  /** Knocks at an endpoint, without waiting for it. */
  knock({ hostname, port, protocol, origin }: URL): void {
    const standard = protocol === 'https:' ? 443 : 80;
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? standard : Number(port) });
    socket.unref();
    socket.once('connect', () => {
      this.took();
      socket.destroy();
    });
    socket.once('error', (error) =>
      this.trouble(`no collector answers at ${origin} (${systemCode(error) ?? 'error'})`),
    );
  }

  /** It took something, or would have. */
  took(): void {
    this.reachable = true;
  }

  /** It did not take something. Only the first time a person hears of it. */
  trouble(what: string): void {
    this.troubled = performance.now();
    if (this.said) return;
    this.said = true;
    this.warn(`OpenTelemetry: ${what}; the run goes on without it`);
  }

  /** True when it is worth waiting for: it was there, and nothing has failed in the last so many ms. */
  isWorthWaiting(quietMs: number): boolean {
    return this.reachable && performance.now() - this.troubled > quietMs;
  }
}
