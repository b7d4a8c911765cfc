import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ContinueAsNew,
  condition,
  isCancellation,
  setCurrentDetails,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { type BatchState, startBatch } from '../batch/batch-state.js';
import { type CanaryState, startCanary } from '../batch/canary.js';
import { linesOf } from '../batch/counts.js';
import { firstCredits } from '../batch/credits.js';
import { describeProgress } from '../batch/describe-progress.js';
import { chosenModel, type ModelTable, refreshModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import type { BatchResult } from '../batch/run.js';
import { progressOfSummary, summaryOf } from '../batch/run-view.js';
import type { EndState, RunSummary } from '../batch/summary.js';
import { endpointSteps, longSteps, steps } from './activities.js';
import { BatchRun, type CarriedBatchInput } from './batch-run.js';
import { handleMessages } from './steering.js';

/**
 * One run: reads the manifest, fetches the models, runs the chunks on `concurrency` lanes and assembles the results.
 * Its workflow id is the run's id and names the run directory.
 *
 * Fails with an `ApplicationFailure` of type `InvalidInput` (nothing was spent), `WrongEndpoint`, `Unauthorized` or
 * `ReconciliationFailed`. Finished answers stay in the run directory whatever happens.
 */
export async function batchWorkflow(input: CarriedBatchInput): Promise<BatchResult> {
  const { workflowId } = workflowInfo();
  // Before the handlers: a message that came while the run continued as new is handled when its handler is set.
  let run = input.carried === undefined ? undefined : new BatchRun(workflowId, input, input.carried);
  handleMessages(() => run);
  run ??= new BatchRun(workflowId, input, await prepare(workflowId, input));
  try {
    await run.runChunks();
    return await finish(workflowId, run);
  } catch (error) {
    if (!(error instanceof ContinueAsNew)) await endUnfinished(workflowId, run, error);
    throw error;
  }
}

/** Says in the Web UI, to who asks and in storage how a run has ended that did not come to its end. */
async function endUnfinished(workflowId: string, run: BatchRun, error: unknown): Promise<void> {
  // A chunk that an operator cancelled by itself is a failure of the run, not its cancellation.
  const isCancelled = isCancellation(error) && CancellationScope.current().consideredCancelled;
  const state = isCancelled ? 'cancelled' : 'failed';
  await CancellationScope.nonCancellable(async () => {
    const summary = await summarise(workflowId, run, state);
    run.end(state, isCancelled ? undefined : rootCause(error));
    say(workflowId, run, summary);
    // The answers are kept without it too: a summary that cannot be written is no reason to hide how the run has ended.
    await steps.keepSummary({ run: workflowId, summary }).catch(() => undefined);
  });
}

function rootCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootCause(error.cause);
}

async function prepare(run: string, input: CarriedBatchInput): Promise<BatchState> {
  const { carried: _none, ...batch } = input;
  const [{ manifest, options }, models, { balance }] = await Promise.all([
    longSteps.readManifest({ run, batch }),
    firstModels(batch.options?.model),
    endpointSteps.readBalance({ needed: batch.options?.maxCredits !== undefined }),
  ]);
  if (options.maxCredits !== undefined && balance === undefined) {
    const message = 'maxCredits: the endpoint does not tell its balance; give maxTotalTokens instead';
    throw ApplicationFailure.nonRetryable(message, 'InvalidInput');
  }
  const canary = await canaryOf(run, input, options.canary, models);
  const now = workflowInfo().startTime.getTime();
  const { widePacks } = batch;
  const prepared = { manifest, options: widePacks === true ? { ...options, widePacks } : options };
  return startBatch(prepared, {
    models,
    now,
    ...(canary === undefined ? {} : { canary }),
    ...(balance === undefined ? {} : { credits: firstCredits(balance) }),
  });
}

/** A run that goes on after an earlier one has seen answers already: it has no canary. */
async function canaryOf(
  run: string,
  { recover }: CarriedBatchInput,
  items: number | undefined,
  models: ModelTable,
): Promise<CanaryState | undefined> {
  if (items === undefined || recover === true) return undefined;
  const { chunks } = await steps.readCanary({ run, items });
  return startCanary(chunks, models, workflowInfo().startTime.getTime());
}

/** The models to begin with. A list that cannot be had stops a run that must choose, not one with a chosen model. */
async function firstModels(model: string | undefined): Promise<ModelTable> {
  const list = endpointSteps.fetchModels();
  if (model === undefined) return refreshModels([], await list);
  return chosenModel(model, await list.catch(keepUnauthorized));
}

function keepUnauthorized(error: unknown): Model[] {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === 'Unauthorized') throw error;
  return [];
}

async function finish(workflowId: string, run: BatchRun): Promise<BatchResult> {
  const summary = await summarise(workflowId, run, 'completed');
  const { items, ok, failed, skipped } = summary;
  if (linesOf(summary) !== items) {
    const message = `${items} items, but ${ok} ok, ${failed} failed and ${skipped} skipped`;
    throw ApplicationFailure.nonRetryable(message, 'ReconciliationFailed');
  }
  const { results } = await longSteps.assembleResults({ run: workflowId, chunks: run.chunkCount, summary });
  run.end('completed');
  say(workflowId, run, summary);
  await condition(allHandlersFinished);
  return { ...summary, results };
}

async function summarise(workflowId: string, run: BatchRun, state: EndState): Promise<RunSummary> {
  return summaryOf(workflowId, await run.finished(), state, Date.now());
}

/** The end of a run in its details, and in its memo, where lists find it without asking a worker. */
function say(workflowId: string, run: BatchRun, summary: RunSummary): void {
  const { state, items, ok, failed, skipped, cancelled, tokens } = summary;
  upsertMemo({ ended: { state, items, ok, failed, skipped, cancelled, tokens } });
  setCurrentDetails(describeProgress(workflowId, { ...run.progress(), ...progressOfSummary(summary) }));
}
