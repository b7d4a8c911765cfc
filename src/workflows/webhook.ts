import { ActivityFailure, CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { WebhookOptions } from '../batch/run.js';
import { endEvent, type RunEnd, type RunEvent } from '../batch/run-event.js';
import { webhookSteps } from './activities.js';

/** Maximum time for which the end of a run waits for its receiver (ms), unless the run has another. */
const END_MS = 120_000;

/** Maximum time for the receiver of a pause (ms). Nothing waits for it, so it can be long. */
const PAUSE_MS = 3_600_000;

/** Maximum characters of a reason. */
const REASON_LENGTH = 300;

/** Sends the end of a run to its webhook. Returns the trouble, in words, if the receiver has not got it in time. */
export function sendEnd(webhook: WebhookOptions, end: RunEnd): Promise<string | undefined> {
  const { maxWaitSecs = END_MS / 1000 } = webhook;
  return send({ webhook, run: end.runId, event: endEvent(end, Date.now()), occurrence: end.state }, maxWaitSecs * 1000);
}

/** Sends a pause to the run's webhook; `at` is when it began (epoch ms). Returns the trouble as {@link sendEnd} does. */
export function sendPause(webhook: WebhookOptions, event: RunEvent, at: number): Promise<string | undefined> {
  return send({ webhook, run: event.data.runId, event, occurrence: `paused_${at}` }, PAUSE_MS);
}

interface Sending {
  readonly webhook: WebhookOptions;
  readonly run: string;
  readonly event: RunEvent;
  /** Tells the event from all others of the run. */
  readonly occurrence: string;
}

/** What ends the run does not end the sending, whose time is bounded. */
async function send({ webhook, run, event, occurrence }: Sending, withinMs: number): Promise<string | undefined> {
  const { url } = webhook;
  // The same when the run continues as new, or is reset: a receiver can leave out what it has.
  const id = `msg_${workflowInfo().firstExecutionRunId}_${occurrence}`;
  const host = /^https?:\/\/([^/]*)/i.exec(url)?.[1] ?? 'none';
  try {
    const steps = webhookSteps(withinMs, `${event.type} to ${host}`);
    await CancellationScope.nonCancellable(() => steps.sendWebhook({ run, url, id, event }));
    return undefined;
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    return `the webhook did not get ${event.type}: ${reasonOf(error).slice(0, REASON_LENGTH)}`;
  }
}

function reasonOf(error: Error): string {
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
