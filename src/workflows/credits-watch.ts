import { inWorkflowContext, log } from '@temporalio/workflow';
import { type BatchState, totalCounts } from '../batch/batch-state.js';
import { wantsBalance } from '../batch/budget.js';
import { spentTokens } from '../batch/counts.js';
import { type CreditsSeen, seeBalance } from '../batch/credits.js';
import { endpointSteps } from './activities.js';

/** Reads the account's balance when a limit in credits calls for it, once at a time. */
export class CreditsWatch {
  /** True while the balance is being read. */
  isReading = false;

  constructor(
    private readonly state: () => BatchState,
    private readonly onCredits: (credits: CreditsSeen) => void,
    private readonly onFailed: () => void,
  ) {}

  /** Reads the balance soon if there is a reason to. */
  want(): void {
    if (this.isReading || !wantsBalance(this.state())) return;
    this.read().catch((error: unknown) => {
      // Not after a workflow task that has failed: nobody awaits this, and an error in it would end the worker.
      if (!inWorkflowContext()) return;
      log.warn('the balance could not be read', { error });
      this.onFailed();
    });
  }

  /** Reads the balance now, if the endpoint has one. Throws if it cannot be read and is `needed`. */
  async read(needed = true): Promise<void> {
    if (this.state().credits === undefined) return;
    this.isReading = true;
    // Counted before the balance is read: what is answered meanwhile may be in it, and then counts as dear, not as cheap.
    const tokens = spentTokens(totalCounts(this.state()));
    try {
      const { balance } = await endpointSteps.readBalance({ needed });
      const { credits } = this.state();
      if (balance !== undefined && credits !== undefined) this.onCredits(seeBalance(credits, balance, tokens));
    } finally {
      this.isReading = false;
    }
  }
}
