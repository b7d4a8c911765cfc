import {
  ActivityCancellationType,
  type ActivityInterfaceFor,
  type ActivityOptions,
  proxyActivities,
} from '@temporalio/workflow';
import { ACTIVITY_PREFIX, type BatchActivities, type InferInput, type PackResult } from '../batch/activity-contract.js';
import type { Pack } from '../batch/chunk-state.js';
import { countItems } from '../batch/item-ranges.js';
import { FIRST_RETRY_MS, MAX_RETRY_MS } from '../batch/settle-pack.js';

/** Attempts of a step that only touches storage, before its workflow says why it fails (see `insist.ts`). */
const STEP_ATTEMPTS = 4;

/** Attempts of a step around a batch, which fails in somebody else's workflow: about an hour, in which a full disk is noticed. */
const PROMPT_ATTEMPTS = 60;

/** Attempts of a pack beside those of its items: for workers that die, and storage that fails. */
const PACK_ATTEMPTS = 10;

/** Time beside the items' own time-outs, to read, write and wait for short rate limits, ms. */
const PACK_MARGIN_MS = 120_000;

/** What asks no model goes before the packs of all runs: it is over soon, and its run waits for it. */
const STEP_PRIORITY = { priorityKey: 1 };

/** Returns activities that are called under the names that workers register them by. */
function proxyPrefixed<T extends object>(options: ActivityOptions): ActivityInterfaceFor<T> {
  return new Proxy(proxyActivities<T>(options), {
    get: (activities, name) => Reflect.get(activities, `${ACTIVITY_PREFIX}${String(name)}`),
  });
}

/** Activities that ask endpoints for anything but answers. */
type EndpointActivity = 'fetchModels' | 'fetchEndpointModels' | 'readBalance';

/** Short steps: bounded in time and attempts, since Temporal's default is to retry for ever. To be called by `insist`. */
export const steps = proxyPrefixed<Omit<BatchActivities, 'infer' | EndpointActivity | 'sendWebhook'>>({
  startToCloseTimeout: '10 minutes',
  priority: STEP_PRIORITY,
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: STEP_ATTEMPTS },
});

/** The sending of one webhook, which `summary` describes in the Web UI: tried again until its time is over. */
export function webhookSteps(withinMs: number, summary: string): Pick<BatchActivities, 'sendWebhook'> {
  return proxyPrefixed<Pick<BatchActivities, 'sendWebhook'>>({
    summary,
    startToCloseTimeout: '30 seconds',
    scheduleToCloseTimeout: withinMs,
    priority: STEP_PRIORITY,
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute' },
  });
}

/** Steps that go once through the whole input or output: hours for the largest, heartbeats tell that they live. */
export const longSteps = proxyPrefixed<Pick<BatchActivities, 'readManifest' | 'assembleResults' | 'copyResults'>>({
  startToCloseTimeout: '12 hours',
  priority: STEP_PRIORITY,
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1 minute', maximumAttempts: STEP_ATTEMPTS },
});

/** Steps that a workflow takes around a batch; without a task queue on its own. */
export function promptSteps(
  taskQueue: string | undefined,
): Pick<BatchActivities, 'stagePrompts' | 'joinInputs' | 'readResults'> {
  return proxyPrefixed<Pick<BatchActivities, 'stagePrompts' | 'joinInputs' | 'readResults'>>({
    startToCloseTimeout: '10 minutes',
    priority: STEP_PRIORITY,
    ...(taskQueue === undefined ? {} : { taskQueue }),
    retry: {
      initialInterval: '1s',
      backoffCoefficient: 2,
      maximumInterval: '1 minute',
      maximumAttempts: PROMPT_ATTEMPTS,
    },
  });
}

/** What the endpoint tells beside answers: a run can wait some minutes for it at the start, no more. */
export const endpointSteps = proxyPrefixed<Pick<BatchActivities, EndpointActivity>>({
  startToCloseTimeout: '1 minute',
  priority: STEP_PRIORITY,
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10s', maximumAttempts: 4 },
});

/** The same once: what it needs and does not get, a run waits for by itself. */
export const endpointLook = proxyPrefixed<Pick<BatchActivities, EndpointActivity>>({
  startToCloseTimeout: '1 minute',
  priority: STEP_PRIORITY,
  retry: { maximumAttempts: 1 },
});

const { infer } = proxyPrefixed<Pick<BatchActivities, 'infer'>>({ startToCloseTimeout: '1 minute' });

/** What a pack's activity needs beside its input. */
export interface InferCall {
  readonly input: InferInput;
  readonly pack: Pack;
  readonly activityId: string;
  readonly heartbeatTimeoutMs: number;
}

/** Runs a pack. Cancelling it waits for its end, so that the answers to its requests in flight are kept. */
export function runInfer(call: InferCall): Promise<PackResult> {
  return infer.executeWithOptions(inferOptions(call), [call.input]);
}

function inferOptions({ input, pack, activityId, heartbeatTimeoutMs }: InferCall): ActivityOptions {
  const { timeoutSecs, retries } = input.options;
  // The longest that a pack can take on its permits alone, and once more for a permit that another pack uses.
  const rounds = Math.ceil(countItems(input.items) / input.permits) + 1;
  const isRetry = input.retrying === true;
  return {
    activityId,
    summary: describePack(pack),
    startToCloseTimeout: rounds * timeoutSecs * 1000 + PACK_MARGIN_MS,
    heartbeatTimeout: heartbeatTimeoutMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: {
      // The first attempt has failed in an earlier pack.
      initialInterval: isRetry ? 2 * FIRST_RETRY_MS : FIRST_RETRY_MS,
      backoffCoefficient: 2,
      maximumInterval: MAX_RETRY_MS,
      maximumAttempts: PACK_ATTEMPTS + (isRetry ? retries : 0),
    },
  };
}

/** Describes a pack for the Web UI: `qwen3.5:9b · 12 items from #340`. */
function describePack({ target, items, retryAt }: Pack): string {
  const count = countItems(items);
  const first = Number.parseInt(items, 10);
  const again = retryAt === undefined ? '' : ' · asked again';
  return `${target} · ${count === 1 ? `item #${first}` : `${count} items from #${first}`}${again}`;
}
