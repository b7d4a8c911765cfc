import { ApplicationFailure, getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import type { Progress } from '../batch/progress.js';
import type { BatchInput, NotifyOptions, RunNotice } from '../batch/run.js';
import { pausedEvent } from '../batch/run-event.js';
import { LatestSender } from './latest-sender.js';
import { sendPause } from './webhook.js';

/** Waits that are over sooner are not announced, ms: a workflow takes 10,000 signals in its life. */
const WORTH_MS = 30_000;

/** Who is notified of a run, and by whom it may be ended. */
export type Notified = Pick<BatchInput, 'notify' | 'onPause' | 'webhook'>;

/**
 * Decides what of a run's way is worth a notice: that it pauses, has waited for a while, and goes on again. Another workflow,
 * the parent for one, is notified of all of it by a signal, a webhook of the pauses.
 */
export class Notices {
  private newest: RunNotice;
  private readonly sender: LatestSender | undefined;

  constructor(
    private readonly run: string,
    private readonly notified: Notified,
    /** Gets the trouble with a webhook, in words. */
    private readonly onTrouble: (text: string) => void,
  ) {
    this.newest = { runId: run, state: 'running' };
    this.sender = notified.notify === undefined ? undefined : this.signals(notified.notify);
  }

  /** Sends what has not been sent yet; `pausedAt` is when the pause began, epoch ms. */
  update(progress: Progress, now: number, pausedAt = now): void {
    const notice = this.noticeOf(progress, now);
    if (notice.state === this.newest.state && notice.reason === this.newest.reason) return;
    this.newest = notice;
    this.sender?.notify();
    if (notice.state === 'paused') this.announcePause(progress, pausedAt);
  }

  private signals({ signal, workflowId = workflowInfo().parent?.workflowId }: NotifyOptions): LatestSender {
    if (workflowId === undefined) {
      throw ApplicationFailure.nonRetryable(
        'notify: the run has no parent workflow; give notify.workflowId',
        'InvalidInput',
      );
    }
    const handle = getExternalWorkflowHandle(workflowId);
    return new LatestSender(() => handle.signal<[RunNotice]>(signal, this.newest), 'notice');
  }

  private announcePause(progress: Progress, pausedAt: number): void {
    const { webhook, onPause } = this.notified;
    // A pause that ends the run is announced by its end.
    if (webhook === undefined || (onPause === 'fail' && progress.pausedBy !== 'operator')) return;
    const sending = sendPause(webhook, pausedEvent(this.run, progress, pausedAt), pausedAt);
    // The run goes on meanwhile, and may end before.
    void sending.then((trouble) => {
      if (trouble !== undefined) this.onTrouble(trouble);
    });
  }

  private noticeOf({ state, reason, pausedBy, waiting }: Progress, now: number): RunNotice {
    const why = reason === undefined ? {} : { reason };
    if (state === 'paused') return { runId: this.run, state, ...why, ...(pausedBy === undefined ? {} : { pausedBy }) };
    const isLong = waiting !== undefined && now - waiting.since >= WORTH_MS;
    return isLong ? { runId: this.run, state: 'waiting', ...why } : { runId: this.run, state: 'running' };
  }
}
