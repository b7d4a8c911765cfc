import { type Clock, systemClock } from '../dria/clock.js';
import { RunPaces } from './run-pace.js';
import { RunPermits } from './run-permits.js';
import { RunRefusals } from './run-refusals.js';

/** What the packs of a run share on a worker. */
interface SharedRun {
  readonly permits: RunPermits;
  readonly paces: RunPaces;
  readonly refusals: RunRefusals;
}

/** How long the pace of a run is remembered after its last pack (ms): what endpoints count is a minute's. */
const PACE_MS = 60_000;

/** The runs that have packs on a worker. */
export class SharedRuns {
  private readonly runs = new Map<string, SharedRun & { packs: number }>();
  /** Paces of runs that had packs a short time ago, and when the last one left (ms). */
  private readonly left = new Map<string, { readonly paces: RunPaces; readonly leftAt: number }>();

  constructor(private readonly clock: Clock = systemClock) {}

  /**
   * Joins a run, for one pack, which calls `leave` when it ends. What its packs share is forgotten with the last of them, but
   * for the pace, which is kept for a minute; that the run `isAnswered` is what its workflow remembers.
   */
  join(run: string, isAnswered: boolean): SharedRun & { readonly leave: () => void } {
    const shared = this.runs.get(run) ?? {
      permits: new RunPermits(),
      paces: this.pacesOf(run),
      refusals: new RunRefusals(),
      packs: 0,
    };
    this.runs.set(run, shared);
    shared.packs++;
    const { permits, paces, refusals } = shared;
    if (isAnswered) refusals.answered();
    const leave = (): void => {
      if (--shared.packs > 0) return;
      this.runs.delete(run);
      this.left.set(run, { paces, leftAt: this.clock.now() });
    };
    return { permits, paces, refusals, leave };
  }

  private pacesOf(run: string): RunPaces {
    for (const [other, { leftAt }] of this.left) {
      if (this.clock.now() - leftAt > PACE_MS) this.left.delete(other);
    }
    const paces = this.left.get(run)?.paces ?? new RunPaces(this.clock);
    this.left.delete(run);
    return paces;
  }
}
