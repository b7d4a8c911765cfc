import type { BatchState } from '../batch/batch-state.js';
import { grantAllowances } from '../batch/budget.js';
import type { RunStop } from '../batch/chunk-state.js';
import { isOutdated, noBalance, outOfBudget, outOfCredits, type PauseCause } from '../batch/pausing.js';
import { CreditsWatch } from './credits-watch.js';

/** The run whose limits are kept. */
export interface LimitedRun {
  readonly id: string;
  state(): BatchState;
  become(state: BatchState): void;
  /** The balance is known anew: more may be given out. */
  changed(): void;
  /** Tells a chunk what is so now. */
  tell(chunk: number): void;
  pause(cause: PauseCause): void;
}

/** Keeps a run within what it may spend: allows its chunks tokens, looks at the account's balance, pauses at the end. */
export class RunLimits {
  private readonly watch: CreditsWatch;

  constructor(private readonly run: LimitedRun) {
    this.watch = new CreditsWatch(
      () => run.state(),
      (credits) => {
        run.become({ ...run.state(), credits });
        run.changed();
      },
      () => this.pauseFor(noBalance(run.id, run.state())),
    );
  }

  /** True while a look at the balance is on its way. */
  get isLooking(): boolean {
    return this.watch.isLooking;
  }

  /** Allows more to chunks that are short, or pauses when nothing is left to allow. */
  allow(): void {
    const { run } = this;
    this.watch.want();
    if (run.state().paused) return;
    const { state, chunks } = grantAllowances(run.state());
    run.become(state);
    for (const chunk of chunks) run.tell(chunk);
    if (!this.isLooking) this.pauseFor(outOfBudget(run.id, run.state()));
  }

  /** A chunk was refused for want of credits. */
  refused(chunk: number, stop: RunStop): void {
    const state = this.run.state();
    if (!state.paused && isOutdated(state, stop)) this.run.tell(chunk);
    else this.pauseFor(outOfCredits(this.run.id, stop));
  }

  /** Reads the balance where it can be had; where not, nothing waits for it. */
  async look(): Promise<void> {
    await this.watch.look(false).catch(() => undefined);
  }

  private pauseFor(cause: PauseCause | undefined): void {
    if (cause !== undefined && !this.run.state().paused) this.run.pause(cause);
  }
}
