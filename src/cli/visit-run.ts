import { MAX_CONCURRENCY } from '../batch/limits.js';
import type { ResultFormat } from '../batch/output-format.js';
import type { Progress } from '../batch/progress.js';
import { endEvent, pausedEvent } from '../batch/run-event.js';
import { progressOfSummary } from '../batch/run-view.js';
import { shellWord } from '../batch/shell-word.js';
import type { EndState, RunSummary } from '../batch/summary.js';
import type { BatchHandle } from '../client.js';
import { DEFAULT_BASE_URL } from '../dria/default-base-url.js';
import type { WorkerEndpoint } from '../endpoints.js';
import type { Storage } from '../storage/storage.js';
import { renderedPartial } from '../store/rendered.js';
import { runDirectory } from '../store/run-directory.js';
import { progressWithin } from './ask-progress.js';
import { isInReview, reviewCanary } from './canary-review.js';
import { deliver, exitCodeOf, readLedger, readSummary } from './deliver.js';
import { isRunFailed, runFailureWords, UserError } from './errors.js';
import { type Followed, follow } from './follow.js';
import { EXIT, type Io } from './io.js';
import type { LocalWorker } from './local-worker.js';
import { runOnComplete } from './on-complete.js';
import { hasOldOutput, writeOutput } from './output.js';
import { saidOfFormats } from './result-format.js';
import type { OnPause } from './run-flags.js';
import { throughAbsence } from './server-away.js';
import type { Session } from './session.js';
import type { Reporter } from './terminal/reporter.js';

/** How long requests in flight may take to end when a person leaves, ms. */
const LEAVE_GRACE_MS = 5_000;

/** Longest time that a run may take to answer before it is followed as it is, ms. */
const ANSWER_MS = 10_000;

/** A run that a command looks after until it ends or the person leaves. */
export interface Visit {
  readonly runId: string;
  readonly handle: BatchHandle;
  readonly storage: Storage;
  readonly endpoint: string;
  /** Several endpoints, for the worker here; `endpoint` then names them all. */
  readonly endpoints?: readonly WorkerEndpoint[];
  /** The run's task queue, where it is known here. */
  readonly taskQueue: string | undefined;
  readonly output: string | undefined;
  readonly format: ResultFormat;
  readonly items?: number;
  /** Go on after a canary without asking. */
  readonly yes: boolean;
  /** What to do when the run pauses; absent, it depends on whether standard error is a terminal. */
  readonly onPause?: OnPause;
  /** A command that the shell runs when the run has ended or pauses. */
  readonly onComplete?: string;
  /** Whether it was started just now, was unfinished, or had ended well. */
  readonly found: 'new' | 'running' | 'finished';
  /** The worker in this process, if the run needs one here. */
  readonly worker?: Promise<LocalWorker | undefined>;
}

/** Follows a run with a worker where one is needed, and delivers its results. Returns the exit code. */
export async function visitRun(visit: Visit, session: Session, reporter: Reporter, io: Io): Promise<number> {
  if (visit.found === 'finished') return await deliverFinished(visit, reporter, io);
  const uiUrl = session.uiUrl(visit.runId);
  reporter.start({
    runId: visit.runId,
    ...(uiUrl === undefined ? {} : { uiUrl }),
    ...(visit.items === undefined ? {} : { items: visit.items }),
  });
  const worker = await visit.worker;
  try {
    if (visit.found === 'running') await goOn(visit, reporter, io);
    const followed = await follow({
      handle: visit.handle,
      reporter,
      interrupt: io.interrupt,
      onPause: (progress) => atPause(visit, progress, reporter, io),
      ...(worker === undefined ? {} : { worker: worker.done }),
    }).catch((error: unknown) => atFailure(visit, error, reporter, io));
    if (followed.kind === 'detached') {
      reporter.close();
      sayDetached(visit, session, reporter);
      return EXIT.DETACHED;
    }
    if (followed.kind === 'paused') {
      reporter.close();
      leavePaused(visit, followed.progress, reporter);
      return EXIT.PAUSED;
    }
    if (followed.kind === 'cancelled') return await endCancelled(visit, reporter, io);
    return await end(visit, followed.result, reporter, io);
  } finally {
    await worker?.leave();
  }
}

/** Starts the worker that a run on the embedded server needs; on a cluster there are others. */
export async function workerFor(
  {
    taskQueue,
    runId,
    storage,
    endpoint,
    endpoints,
  }: Pick<Visit, 'taskQueue' | 'runId' | 'storage' | 'endpoint' | 'endpoints'>,
  session: Session,
  onLog: (message: string) => void,
): Promise<LocalWorker | undefined> {
  if (!session.embedded) return undefined;
  return await session.startWorker({
    taskQueues: [taskQueue ?? runId],
    storage: storage.root,
    ...(endpoints === undefined ? { baseUrl: endpoint } : { baseUrl: DEFAULT_BASE_URL, endpoints }),
    // The run's permits are the bound, and they may be changed while it runs.
    maxRequests: MAX_CONCURRENCY,
    shutdownGraceMs: LEAVE_GRACE_MS,
    onLog,
  });
}

/** Goes on with an unfinished run; one that the endpoint has paused is resumed, since it may answer by now. */
async function goOn({ handle, runId }: Visit, reporter: Reporter, { interrupt }: Io): Promise<void> {
  reporter.note(`${runId} is unfinished: going on with it`);
  const progress = await progressWithin(handle, ANSWER_MS);
  if (typeof progress === 'string' || progress.state !== 'paused') return;
  if (progress.pausedBy !== 'credits' && progress.pausedBy !== 'refused') return;
  reporter.note(`it was paused (${progress.reason ?? 'no reason given'}): resuming it`);
  await throughAbsence(() => handle.resume(), interrupt);
}

/** Decides what a pause does to the command: a canary is reviewed if somebody can be asked, and a script leaves. */
async function atPause(visit: Visit, progress: Progress, reporter: Reporter, io: Io): Promise<Followed | undefined> {
  const { handle, storage, yes, onPause } = visit;
  const isReview = isInReview(progress);
  if (isReview) {
    reporter.clear();
    const reviewed = await reviewCanary({ handle, storage, yes, io }, progress);
    if (reviewed !== 'unasked') return reviewed === 'declined' ? { kind: 'detached' } : undefined;
  }
  const { runId, output, onComplete } = visit;
  await runOnComplete(onComplete, { event: pausedEvent(runId, progress, Date.now()), output }, reporter, io);
  const leaves = onPause === undefined ? isReview || io.stderr.isTTY !== true : onPause === 'exit';
  if (leaves) return { kind: 'paused', progress };
  reporter.warn(pausedInWords(progress));
  return undefined;
}

/** A run that has failed is an occasion too. Throws the error. */
async function atFailure(visit: Visit, error: unknown, reporter: Reporter, io: Io): Promise<never> {
  if (!(error instanceof UserError) || !isRunFailed(error.cause)) throw error;
  await atBadEnd(visit, 'failed', reporter, io, runFailureWords(error.cause));
  throw error;
}

/** Runs the person's command for a run that has not ended well. */
export async function atBadEnd(
  { runId, storage, output, onComplete }: Pick<Visit, 'onComplete' | 'output' | 'runId' | 'storage'>,
  state: EndState,
  reporter: Reporter,
  io: Io,
  reason?: string,
): Promise<void> {
  if (onComplete === undefined) return;
  const ledger = await readLedger(storage, runId).catch(() => undefined);
  // One of an earlier execution says nothing of this one.
  const summary = ledger?.state === state ? ledger : undefined;
  const event = endEvent({ runId, state, summary, reason }, summary?.endedAt ?? Date.now());
  await runOnComplete(onComplete, { event, summary, output }, reporter, io);
}

/** Runs the person's command for a run that was completed or cancelled. */
async function atEnd(visit: Visit, summary: RunSummary, reporter: Reporter, io: Io): Promise<void> {
  const { runId, output, onComplete } = visit;
  const { state, endedAt } = summary;
  const results = state === 'completed' ? runDirectory(runId).results : undefined;
  const event = endEvent({ runId, state, summary, results }, endedAt);
  await runOnComplete(onComplete, { event, summary, output }, reporter, io);
}

function pausedInWords({ reason = 'no reason given', pausedBy, ok, failed }: Progress): string {
  if (pausedBy === 'canary' && ok === 0) return `paused: none of the ${failed} items of the canary was answered`;
  return reason.startsWith('paused') ? reason : `paused: ${reason}`;
}

function leavePaused({ runId }: Visit, progress: Progress, reporter: Reporter): void {
  reporter.warn(`the run is ${pausedInWords(progress)}`);
  reporter.note(
    `Left, with everything kept. To go on: dria-temporal resume ${shellWord(runId)}, ` +
      `then the same command again, or: dria-temporal attach ${shellWord(runId)}`,
  );
}

/** Somebody has cancelled the run: what it has is written, and what it came to is said. */
async function endCancelled(visit: Visit, reporter: Reporter, io: Io): Promise<number> {
  const { storage, runId, output, format } = visit;
  reporter.clear();
  const ledger = await readLedger(storage, runId);
  if (ledger === undefined) {
    reporter.warn(`the run ${runId} was cancelled, and nothing was kept of it`);
    return EXIT.FAILED;
  }
  if (await keepsOldOutput(visit, ledger, `${resultsCommand(runId)} --partial`, reporter, io)) {
    reporter.finish(progressOfSummary(ledger), ledger);
  } else {
    await saidOfFormats(() => writeOutput(output, renderedPartial(storage, runId, format), io));
    reporter.finish(progressOfSummary(ledger), ledger, output);
  }
  reporter.note('The run was cancelled: these are the answers that it has. The same command goes on with them.');
  await atEnd(visit, ledger, reporter, io);
  return exitCodeOf(ledger);
}

async function deliverFinished(visit: Visit, reporter: Reporter, io: Io): Promise<number> {
  const { storage, runId } = visit;
  // The server has the summary too, as the run's result.
  const summary = await readSummary(storage, runId).catch(async (error: unknown) => {
    reporter.warn(String(error instanceof Error ? error.message : error));
    return await visit.handle.result();
  });
  if (summary === undefined) {
    throw new UserError(`the run ${runId} has ended, but its results are no longer in ${storage.root}`, {
      exitCode: 1,
      hint: 'To run it anew, give another --id.',
    });
  }
  reporter.note(
    `${runId} has ended already: these are its results, nothing was sent. To run it anew, give another --id.`,
  );
  return await end(visit, summary, reporter, io);
}

async function end(visit: Visit, summary: RunSummary, reporter: Reporter, io: Io): Promise<number> {
  reporter.clear();
  const isKept = await keepsOldOutput(visit, summary, resultsCommand(visit.runId), reporter, io);
  if (!isKept) await deliver(visit, io);
  reporter.finish(progressOfSummary(summary), summary, isKept ? undefined : visit.output);
  await atEnd(visit, summary, reporter, io);
  return exitCodeOf(summary);
}

/** True when a run that answered nothing would put its error lines in the place of an output with content. */
async function keepsOldOutput(
  { output }: Visit,
  { ok }: RunSummary,
  command: string,
  reporter: Reporter,
  { env }: Io,
): Promise<boolean> {
  if (ok > 0 || output === undefined || !(await hasOldOutput(output, env))) return false;
  reporter.warn(`no item was answered, so ${output} stays as it was; the error lines: ${command}`);
  return true;
}

function resultsCommand(runId: string): string {
  return `dria-temporal results ${shellWord(runId)}`;
}

function sayDetached({ runId }: Visit, session: Session, reporter: Reporter): void {
  const goes = session.embedded ? 'The run waits with everything kept.' : 'The run goes on with its workers.';
  reporter.note(`Left. ${goes} Give the same command again, or: dria-temporal attach ${shellWord(runId)}`);
}
