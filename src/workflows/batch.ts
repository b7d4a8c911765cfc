import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  ContinueAsNew,
  condition,
  isCancellation,
  log,
  setCurrentDetails,
  TemporalFailure,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import { withFacts } from '../batch/away.js';
import { type BatchState, startBatch } from '../batch/batch-state.js';
import { type CanaryState, startCanary } from '../batch/canary.js';
import { linesOf } from '../batch/counts.js';
import { describeProgress } from '../batch/describe-progress.js';
import { endpointsSchema } from '../batch/endpoint-rules.js';
import { inputAt } from '../batch/placeholders.js';
import { type BatchInput, type BatchResult, type PreparedRun, webhookOptionsSchema } from '../batch/run.js';
import type { RunEnd } from '../batch/run-event.js';
import { NO_PROGRESS, progressOfSummary, startingProgress, summaryOf } from '../batch/run-view.js';
import type { ExecutionChain } from '../batch/step-contract.js';
import type { EndState, RunSummary } from '../batch/summary.js';
import { chosenTarget, withNamed } from '../batch/targets.js';
import { longSteps, steps } from './activities.js';
import { BatchRun, type CarriedBatchInput } from './batch-run.js';
import { readEndpoint, waitOf } from './endpoint-facts.js';
import { insist } from './insist.js';
import { runFailure } from './run-failure.js';
import { indexRun, scheduledAt } from './search-attributes.js';
import { handleMessages, type Steered, type UnstartedEnd } from './steering.js';
import { sendEnd } from './webhook.js';

/**
 * One run: reads the manifest, fetches the models, runs the chunks within `concurrency` permits and assembles the results.
 * Its workflow id is the run's id and names the run directory; what an earlier execution with this id has left there is
 * taken over if it asked the same.
 *
 * Fails with one `ApplicationFailure`: its type is the kind of a `BatchFailure` (`InvalidInput`, `Unauthorized` …), which is
 * its first detail, and it has no cause. `batchFailureOf` reads it from what a caller gets. Cancelled, it ends as cancelled.
 * Finished answers stay in the run directory whatever happens.
 */
export function batchWorkflow(input: BatchInput): Promise<BatchResult>;
export async function batchWorkflow(input: CarriedBatchInput): Promise<BatchResult> {
  const life = new RunLife(input);
  handleMessages(life);
  try {
    return await life.live();
  } catch (error) {
    // What is no failure of Temporal's is a bug: it blocks the workflow task until it is mended, and the run then goes on.
    if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) throw error;
    throw await life.end(error);
  }
}

/** Returns what an error says of stored objects that are not what was written, or of outcomes that are gone. */
function damageIn(error: unknown): string | undefined {
  if (error instanceof ApplicationFailure) {
    const { type, nonRetryable, message } = error;
    return type === 'ReconciliationFailed' || (type === 'StorageUnavailable' && nonRetryable) ? message : undefined;
  }
  return error instanceof Error ? damageIn(error.cause) : undefined;
}

/** A run from the reading of its input to its end. */
class RunLife implements Steered {
  /** Absent until the input has been read. */
  run: BatchRun | undefined;
  ended: UnstartedEnd | undefined;
  readonly waits = new Set<string>();
  private readonly chain: ExecutionChain;
  private isOwner: boolean;

  constructor(private input: CarriedBatchInput) {
    const { workflowId, namespace, firstExecutionRunId: firstRunId } = workflowInfo();
    this.chain = { namespace, firstRunId };
    this.isOwner = input.carried !== undefined;
    // Before the handlers: a message that came while the run continued as new is handled when its handler is set.
    if (input.carried !== undefined) this.run = new BatchRun(workflowId, input, input.carried);
  }

  async live(): Promise<BatchResult> {
    const run = this.run ?? (await this.begin());
    this.run = run;
    try {
      await run.runChunks();
      return await this.finish(run);
    } catch (error) {
      const damage = damageIn(error);
      if (damage !== undefined) await run.goOnAnew(damage);
      throw error;
    }
  }

  private async begin(): Promise<BatchRun> {
    indexRun(this.input, { state: 'starting', model: this.input.options?.model });
    try {
      // Filled once: what goes on after it has no other day in its names.
      this.input = inputAt(this.input, scheduledAt());
    } catch (error) {
      throw ApplicationFailure.nonRetryable(`the names in the input: ${String(error)}`, 'InvalidInput');
    }
    return new BatchRun(this.id, this.input, await this.prepare());
  }

  /** Says in the Web UI, to clients and in storage how the run has ended. Returns what the workflow throws. */
  async end(error: TemporalFailure): Promise<TemporalFailure> {
    // A chunk that an operator cancelled by itself is a failure of the run, not its cancellation.
    const isCancelled = isCancellation(error) && CancellationScope.current().consideredCancelled;
    const state = isCancelled ? 'cancelled' : 'failed';
    return await CancellationScope.nonCancellable(async () => {
      const { id: runId, chain, run } = this;
      const summary = run === undefined ? undefined : await summarise(runId, run, state);
      const { items, ok, failed } = summary ?? NO_PROGRESS;
      const failure = isCancelled ? undefined : runFailure(error, { runId, items, ok, failed });
      const reason = failure === undefined ? {} : { reason: failure.message };
      if (run === undefined || summary === undefined) {
        this.ended = { state, ...reason };
        indexRun(this.input, { state, model: this.input.options?.model });
        setCurrentDetails(describeProgress(runId, { ...NO_PROGRESS, ...this.ended, startedAt: startTime() }));
      } else {
        run.end(state, failure?.message);
        say(runId, run, summary);
      }
      // The answers are kept without it too: what cannot be written is no reason to hide how the run has ended.
      const left = { run: runId, chain, ...(summary === undefined ? {} : { summary }) };
      const ending = () => steps.endRun(left);
      if (this.mayOwn(failure)) {
        await (run === undefined ? ending() : insist(ending, (text) => run.note(text))).catch(() => undefined);
      }
      await this.announce({ runId, state, summary, ...reason });
      await condition(allHandlersFinished);
      return failure ?? error;
    });
  }

  /** True unless the run has failed before its directory was its own. */
  private mayOwn(failure: ApplicationFailure | undefined): boolean {
    return this.isOwner || (failure?.type !== 'InvalidInput' && failure?.type !== 'StorageUnavailable');
  }

  private get id(): string {
    return workflowInfo().workflowId;
  }

  private async prepare(): Promise<BatchState> {
    const { carried: _none, restart, ...batch } = this.input;
    const { model, maxCredits, maxCost, prefer, api, endpoints: given } = restart?.options ?? batch.options ?? {};
    // Of what cannot be, the reading of the input says so.
    const endpoints = endpointsSchema.safeParse(given).data;
    const isChosen = model !== undefined && endpoints === undefined;
    const needs = { models: !isChosen, balance: maxCredits !== undefined, endpoints, model, api, maxCost, prefer };
    const [prepared, first] = await Promise.all([
      this.awaited('the reading of the input', this.readManifest(batch)),
      this.awaited(waitOf(needs), settled(readEndpoint(needs))),
    ]);
    const { manifest, hasOutcomes, notes } = prepared;
    const options = restart?.options ?? prepared.options;
    // The items may name the path, if the options do not: then it is another list that counts.
    const isOtherList = options.api !== api && (options.model === undefined || endpoints !== undefined);
    const other = { ...needs, api: options.api };
    const look = isOtherList ? await this.awaited(waitOf(needs), settled(readEndpoint(other))) : first;
    // The items may name their models: then it does not matter that there is no list.
    const isNamed = options.model !== undefined || manifest.areAllNamed === true;
    if ('error' in look && (endpoints !== undefined || !isNamed || !needs.models)) throw look.error;
    const facts = 'error' in look ? await readEndpoint({ ...other, models: false }) : look.value;
    // A run that goes on after an earlier one has answers already: it has no canary.
    const canary = hasOutcomes ? undefined : await this.canaryOf(options.canary);
    // The items may name one, if the options do not.
    const targets =
      options.endpoints !== undefined
        ? []
        : options.model === undefined
          ? withNamed([], manifest.models)
          : chosenTarget(options.model);
    const begun = startBatch(
      { manifest, options },
      {
        targets,
        now: startTime(),
        notes:
          restart === undefined ? notes : [...restart.notes, ...notes.filter((note) => !restart.notes.includes(note))],
        ...(canary === undefined ? {} : { canary }),
      },
    );
    return withFacts(begun, facts, Date.now());
  }

  private async awaited<T>(what: string, step: Promise<T>): Promise<T> {
    this.waits.add(what);
    const result = await step;
    this.waits.delete(what);
    return result;
  }

  /** Shows why a step fails before there is a run that could note it. */
  private trouble(reason: string): void {
    this.waits.add(reason);
    setCurrentDetails(describeProgress(this.id, startingProgress(startTime(), [...this.waits])));
  }

  private async readManifest(batch: BatchInput): Promise<PreparedRun> {
    const reading = () => longSteps.readManifest({ run: this.id, chain: this.chain, batch });
    const prepared = await insist(reading, (reason) => this.trouble(reason));
    this.isOwner = true;
    return prepared;
  }

  private async canaryOf(items: number | undefined): Promise<CanaryState | undefined> {
    if (items === undefined) return undefined;
    const { chunks } = await insist(
      () => steps.readCanary({ run: this.id, items }),
      (reason) => this.trouble(reason),
    );
    return startCanary(chunks);
  }

  private async finish(run: BatchRun): Promise<BatchResult> {
    const { id, chain } = this;
    const summary = await summarise(id, run, 'completed');
    const { items, ok, failed, skipped } = summary;
    if (linesOf(summary) !== items) {
      const message = `${items} items, but ${ok} ok, ${failed} failed and ${skipped} skipped`;
      throw ApplicationFailure.nonRetryable(message, 'ReconciliationFailed');
    }
    const inline = this.input.return === 'inline' ? { inline: true } : {};
    const assembled = await insist(
      () => longSteps.assembleResults({ run: id, chain, chunks: run.chunkCount, summary, ...inline }),
      (reason) => run.note(reason),
    );
    const { output, outputFormat, flatten, webhook } = this.input;
    if (output !== undefined) {
      const how = { ...(outputFormat === undefined ? {} : { outputFormat }), ...(flatten === true ? { flatten } : {}) };
      await insist(
        () => longSteps.copyResults({ run: id, output, ...how }),
        (reason) => run.note(reason),
      );
    }
    if (webhook === undefined) return await this.complete(run, { ...summary, ...assembled });
    // A run whose completion is announced is cancelled no longer.
    return await CancellationScope.nonCancellable(async () => {
      run.finishing('its webhook is sent');
      const trouble = await this.announce({ runId: id, state: 'completed', summary, results: assembled.results });
      return await this.complete(run, { ...withNote(summary, trouble), ...assembled });
    });
  }

  private async complete(run: BatchRun, result: BatchResult): Promise<BatchResult> {
    run.end('completed');
    say(this.id, run, result);
    await condition(allHandlersFinished);
    return result;
  }

  /** Sends the end of the run to its webhook, if it has one. Returns the trouble with it, which is noted. */
  private async announce(end: RunEnd): Promise<string | undefined> {
    const { run } = this;
    // What a run is started with may be anything: it has failed for what it is not.
    const webhook = webhookOptionsSchema.safeParse(this.input.webhook).data;
    if (webhook === undefined) return undefined;
    const trouble = await sendEnd(webhook, end);
    if (trouble === undefined) return undefined;
    log.warn(trouble);
    run?.note(trouble);
    if (run !== undefined && end.summary !== undefined && end.state !== 'completed')
      say(this.id, run, withNote(end.summary, trouble));
    return trouble;
  }
}

/** Waits for a step, and returns its failure instead of throwing it. */
async function settled<T>(step: Promise<T>): Promise<{ readonly value: T } | { readonly error: unknown }> {
  try {
    return { value: await step };
  } catch (error) {
    return { error };
  }
}

function withNote(summary: RunSummary, note: string | undefined): RunSummary {
  return note === undefined ? summary : { ...summary, notes: [...(summary.notes ?? []), note] };
}

function startTime(): number {
  return workflowInfo().startTime.getTime();
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
