import type { BatchState } from '../batch/batch-state.js';
import { grantAllowances } from '../batch/budget.js';
import type { RunStop } from '../batch/chunk-state.js';
import { allRefused, isOutdated, noBalance, outOfBudget, outOfCredits, type PauseCause } from '../batch/pausing.js';
import { CreditsWatch } from './credits-watch.js';

/** The run whose limits are kept. */
export interface LimitedRun {
  readonly id: string;
  state(): BatchState;
  become(state: BatchState): void;
  /** Sends a chunk its newest orders. */
  notify(chunk: number): void;
  pause(cause: PauseCause): void;
}

/** Keeps a run within what it may spend: allows its chunks tokens, reads the account's balance, pauses at the end. */
export class RunLimits {
  private readonly watch: CreditsWatch;

  constructor(private readonly run: LimitedRun) {
    this.watch = new CreditsWatch(
      () => run.state(),
      (credits) => run.become({ ...run.state(), credits }),
      () => this.pauseFor(noBalance(run.id, run.state())),
    );
  }

  /** True while the balance is being read. */
  get isReading(): boolean {
    return this.watch.isReading;
  }

  /** Allows more to chunks that are short, or pauses if nothing is left to allow. */
  allow(): void {
    const { run } = this;
    this.watch.want();
    if (run.state().paused) return;
    const { state, chunks } = grantAllowances(run.state());
    if (chunks.length > 0) run.become(state);
    for (const chunk of chunks) run.notify(chunk);
    if (!this.isReading) this.pauseFor(outOfBudget(run.id, run.state()));
  }

  /** Pauses the run, since a chunk was refused for want of money, or all its first items were. */
  stopped(chunk: number, stop: RunStop): void {
    const state = this.run.state();
    // It was asked before the run was resumed, or without the word that others are answered: that says nothing of now.
    if (isOutdated(state, stop)) {
      if (!state.paused) this.run.notify(chunk);
      return;
    }
    const { id } = this.run;
    this.pauseFor(stop.type === 'AllRefused' ? allRefused(id, stop) : outOfCredits(id, stop));
  }

  /** Reads the balance if it can be had. */
  async read(): Promise<void> {
    await this.watch.read(false).catch(() => undefined);
  }

  private pauseFor(cause: PauseCause | undefined): void {
    if (cause !== undefined && !this.run.state().paused) this.run.pause(cause);
  }
}
