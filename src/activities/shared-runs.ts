import { type Clock, systemClock } from '../dria/clock.js';
import { RunPace } from './run-pace.js';
import { RunPermits } from './run-permits.js';
import { RunRefusals } from './run-refusals.js';

/** What the packs of a run share on a worker. */
interface SharedRun {
  readonly permits: RunPermits;
  readonly pace: RunPace;
  readonly refusals: RunRefusals;
}

/** How long the pace of a run is remembered after its last pack (ms): what endpoints count is a minute's. */
const PACE_MS = 60_000;

/** The runs that have packs on a worker. */
export class SharedRuns {
  private readonly runs = new Map<string, SharedRun & { packs: number }>();
  /** Paces of runs that had packs a short time ago, and when the last one left (ms). */
  private readonly paces = new Map<string, { readonly pace: RunPace; readonly leftAt: number }>();

  constructor(private readonly clock: Clock = systemClock) {}

  /**
   * Joins a run, for one pack, which calls `leave` when it ends. What its packs share is forgotten with the last of them, but
   * for the pace, which is kept for a minute; that the run `isAnswered` is what its workflow remembers.
   */
  join(run: string, isAnswered: boolean): SharedRun & { readonly leave: () => void } {
    const shared = this.runs.get(run) ?? {
      permits: new RunPermits(),
      pace: this.paceOf(run),
      refusals: new RunRefusals(),
      packs: 0,
    };
    this.runs.set(run, shared);
    shared.packs++;
    const { permits, pace, refusals } = shared;
    if (isAnswered) refusals.answered();
    const leave = (): void => {
      if (--shared.packs > 0) return;
      this.runs.delete(run);
      this.paces.set(run, { pace, leftAt: this.clock.now() });
    };
    return { permits, pace, refusals, leave };
  }

  private paceOf(run: string): RunPace {
    for (const [other, { leftAt }] of this.paces) {
      if (this.clock.now() - leftAt > PACE_MS) this.paces.delete(other);
    }
    const pace = this.paces.get(run)?.pace ?? new RunPace(this.clock);
    this.paces.delete(run);
    return pace;
  }
}
