import { ActivityCancellationType, type ActivityOptions, proxyActivities } from '@temporalio/workflow';
import { FIRST_RETRY_MS, MAX_RETRY_MS, retryDelayMs } from '../batch/pack-outcome.js';
import type { BatchActivities, InferInput, PackProgress } from '../batch/work.js';
import type { Pack } from '../batch/work-queue.js';

/** Attempts of a step that only touches storage or the models list: a full disk may take a while to be noticed. */
const STEP_ATTEMPTS = 60;

/** Attempts of a pack with several items: they end only when a worker is lost or storage fails, never on an answer. */
const PACK_ATTEMPTS = 10;

/** Room beside the items' own time-outs: to read, write and hear of a rate limit, ms. */
const PACK_MARGIN_MS = 120_000;

/** What asks no model goes before the packs of all runs: it is over soon, and its run waits for it. */
const STEP_PRIORITY = { priorityKey: 1 };

/** Short steps: bounded in time and attempts, since Temporal's default is to retry for ever. */
export const steps = proxyActivities<Omit<BatchActivities, 'infer' | 'fetchModels' | 'readBalance'>>({
  startToCloseTimeout: '10 minutes',
  priority: STEP_PRIORITY,
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: STEP_ATTEMPTS },
});

/** Steps that go once through the whole input or output: hours for the largest, heartbeats tell that they live. */
export const longSteps = proxyActivities<Pick<BatchActivities, 'readManifest' | 'assembleResults'>>({
  startToCloseTimeout: '12 hours',
  priority: STEP_PRIORITY,
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: STEP_ATTEMPTS },
});

/** What the endpoint tells beside answers: a run can wait some minutes for it at the start, no more. */
export const endpointSteps = proxyActivities<Pick<BatchActivities, 'fetchModels' | 'readBalance'>>({
  startToCloseTimeout: '1 minute',
  priority: STEP_PRIORITY,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 4 },
});

const { infer } = proxyActivities<Pick<BatchActivities, 'infer'>>({ startToCloseTimeout: '1 minute' });

/** What a pack's activity needs beside the pack. */
export interface InferCall {
  readonly input: InferInput;
  readonly pack: Pack;
  /** Lanes that it holds. */
  readonly lanes: number;
  readonly activityId: string;
  readonly retries: number;
  readonly heartbeatTimeoutMs: number;
}

/** Runs a pack. Cancelling it waits for its end, so that the answers under way are kept. */
export function runInfer(call: InferCall): Promise<PackProgress> {
  return infer.executeWithOptions(inferOptions(call), [call.input]);
}

function inferOptions({ input, pack, lanes, activityId, retries, heartbeatTimeoutMs }: InferCall): ActivityOptions {
  const attempts = input.alone ? Math.max(1, 1 + retries - pack.attempts) : PACK_ATTEMPTS;
  return {
    activityId,
    summary: describePack(pack),
    startToCloseTimeout: longest(pack.items.length, lanes) * input.timeoutSecs * 1000 + PACK_MARGIN_MS,
    heartbeatTimeout: heartbeatTimeoutMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      initialInterval: input.alone ? retryDelayMs(pack.attempts + 1) : FIRST_RETRY_MS,
      backoffCoefficient: 2,
      maximumInterval: MAX_RETRY_MS,
      maximumAttempts: attempts,
    },
  };
}

/** Answers that a pack waits for one after another at most; and one more for a lane that it has lent. */
function longest(items: number, lanes: number): number {
  return lanes === 1 ? items : Math.ceil(items / lanes) + 1;
}

/** A pack in words for the Web UI: `qwen3.5:9b · 12 items from #340`. */
function describePack({ model, items }: Pack): string {
  const first = items[0] ?? 0;
  return items.length === 1 ? `${model} · item #${first}` : `${model} · ${items.length} items from #${first}`;
}
