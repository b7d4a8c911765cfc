import { log } from '@temporalio/workflow';
import { type BatchState, totalCounts } from '../batch/batch-state.js';
import { wantsBalance } from '../batch/budget.js';
import { spentTokens } from '../batch/counts.js';
import { type CreditsSeen, seeBalance } from '../batch/credits.js';
import { endpointSteps } from './activities.js';

/** Looks at the account's balance when a limit in credits calls for it, one look at a time. */
export class CreditsWatch {
  /** True while a look is on its way. */
  isLooking = false;

  constructor(
    private readonly state: () => BatchState,
    private readonly onCredits: (credits: CreditsSeen) => void,
    private readonly onFailed: () => void,
  ) {}

  /** Looks soon if there is a reason to. */
  want(): void {
    if (this.isLooking || !wantsBalance(this.state())) return;
    this.look().catch((error: unknown) => {
      log.warn('the balance could not be read', { error });
      this.onFailed();
    });
  }

  /** Looks now, where the endpoint tells. Throws for one that cannot tell now only where it is `needed`. */
  async look(needed = true): Promise<void> {
    if (this.state().credits === undefined) return;
    this.isLooking = true;
    // Counted before the look: what is answered meanwhile may be in the balance, and is then dear rather than cheap.
    const tokens = spentTokens(totalCounts(this.state()));
    try {
      const { balance } = await endpointSteps.readBalance({ needed });
      const { credits } = this.state();
      if (balance !== undefined && credits !== undefined) this.onCredits(seeBalance(credits, balance, tokens));
    } finally {
      this.isLooking = false;
    }
  }
}
