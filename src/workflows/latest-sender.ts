import { condition, inWorkflowContext, log } from '@temporalio/workflow';

/**
 * Sends the newest state of things to another workflow, one message at a time: what changes while one is on its way goes
 * out together with the next.
 */
export class LatestSender {
  private isSending = false;
  private isWanted = false;

  constructor(
    private readonly send: () => Promise<void>,
    /** Names the message in logs. */
    private readonly name: string,
  ) {}

  /** Sends a message now, or as soon as the one on its way has arrived. */
  notify(): void {
    this.isWanted = true;
    if (this.isSending) return;
    this.isSending = true;
    this.flush()
      .catch((error: unknown) => {
        // The other workflow has just ended: it needs no message, and its result or its end says the rest. Or this is called
        // outside of the workflow, after a workflow task that has failed.
        if (inWorkflowContext()) log.debug(`${this.name} not delivered`, { error });
        this.isWanted = false;
      })
      .finally(() => {
        this.isSending = false;
        if (this.isWanted && inWorkflowContext()) this.notify();
      });
  }

  /** Waits until no message is on its way. */
  async idle(): Promise<void> {
    await condition(() => !this.isSending);
  }

  private async flush(): Promise<void> {
    while (this.isWanted) {
      this.isWanted = false;
      await this.send();
    }
  }
}
