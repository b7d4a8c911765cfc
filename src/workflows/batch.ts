import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ContinueAsNew,
  condition,
  isCancellation,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { type BatchState, startBatch } from '../batch/batch-state.js';
import { chosenModel, type ModelTable, refreshModels } from '../batch/model-table.js';
import type { Model } from '../batch/models.js';
import type { Progress } from '../batch/progress.js';
import type { BatchResult } from '../batch/run.js';
import { describeProgress, NO_PROGRESS, summaryOf } from '../batch/run-view.js';
import { longSteps, modelsStep } from './activities.js';
import { BatchRun, type CarriedBatchInput } from './batch-run.js';
import { chunkReportSignal, pauseUpdate, progressQuery, resumeUpdate } from './messages.js';

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
  const startedAt = workflowInfo().startTime.getTime();
  const progress = (): Progress => run?.progress() ?? { ...NO_PROGRESS, startedAt };
  setHandler(progressQuery, progress);
  setHandler(
    pauseUpdate,
    () => {
      run?.pause('paused by an operator');
      return progress();
    },
    { validator: () => refuseBeforeStart(run) },
  );
  setHandler(
    resumeUpdate,
    () => {
      run?.resume();
      return progress();
    },
    { validator: () => refuseBeforeStart(run) },
  );
  setHandler(chunkReportSignal, (report) => run?.hear(report));

  run ??= new BatchRun(workflowId, input, await prepare(workflowId, input));
  try {
    await run.runChunks();
    return await finish(workflowId, run);
  } catch (error) {
    if (!(error instanceof ContinueAsNew)) end(run, error);
    throw error;
  }
}

/** Says in the Web UI and to who asks how the run has ended. */
function end(run: BatchRun, error: unknown): void {
  // A chunk that an operator cancelled by itself is a failure of the run, not its cancellation.
  if (isCancellation(error) && CancellationScope.current().consideredCancelled) run.end('cancelled');
  else run.end('failed', rootCause(error));
  setCurrentDetails(describeProgress(run.progress()));
}

function rootCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : rootCause(error.cause);
}

function refuseBeforeStart(run: BatchRun | undefined): void {
  if (run === undefined) throw ApplicationFailure.nonRetryable('the run is still reading its input', 'NotStarted');
}

async function prepare(run: string, input: CarriedBatchInput): Promise<BatchState> {
  const { carried: _none, ...batch } = input;
  const [prepared, models] = await Promise.all([
    longSteps.readManifest({ run, batch }),
    firstModels(batch.options?.model),
  ]);
  const { widePacks } = batch;
  const options = widePacks === true ? { ...prepared.options, widePacks } : prepared.options;
  return startBatch({ ...prepared, options }, models, workflowInfo().startTime.getTime());
}

/** The models to begin with. A list that cannot be had stops a run that must choose, not one with a chosen model. */
async function firstModels(model: string | undefined): Promise<ModelTable> {
  const list = modelsStep.fetchModels({ checkKey: true });
  if (model === undefined) return refreshModels([], await list);
  return chosenModel(model, await list.catch(keepUnauthorized));
}

function keepUnauthorized(error: unknown): Model[] {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof ApplicationFailure && cause.type === 'Unauthorized') throw error;
  return [];
}

async function finish(workflowId: string, run: BatchRun): Promise<BatchResult> {
  const state = run.finished();
  const summary = summaryOf(workflowId, state, Date.now());
  if (summary.ok + summary.failed !== summary.items) {
    const message = `${summary.items} items, but ${summary.ok} ok and ${summary.failed} failed`;
    throw ApplicationFailure.nonRetryable(message, 'ReconciliationFailed');
  }
  const { results } = await longSteps.assembleResults({ run: workflowId, chunks: state.manifest.chunks, summary });
  run.end('completed');
  setCurrentDetails(describeProgress(run.progress()));
  await condition(allHandlersFinished);
  return { ...summary, results };
}
