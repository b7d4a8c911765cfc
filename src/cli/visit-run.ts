import { partialLines } from '../activities/partial-lines.js';
import { MAX_CONCURRENCY } from '../batch/limits.js';
import type { Progress } from '../batch/progress.js';
import { progressOfSummary } from '../batch/run-view.js';
import type { RunSummary } from '../batch/summary.js';
import type { BatchHandle } from '../client.js';
import type { Storage } from '../storage/storage.js';
import { isInReview, reviewCanary } from './canary-review.js';
import { deliver, exitCodeOf, readLedger, readSummary } from './deliver.js';
import { UserError } from './errors.js';
import { follow } from './follow.js';
import { EXIT, type Io } from './io.js';
import type { LocalWorker } from './local-worker.js';
import { writeOutput } from './output.js';
import type { Session } from './session.js';
import type { Reporter } from './terminal/reporter.js';

/** How long requests under way may take to end when a person leaves, ms. */
const LEAVE_GRACE_MS = 5_000;

/** A run that a command looks after until it ends or the person leaves. */
export interface Visit {
  readonly runId: string;
  readonly handle: BatchHandle;
  readonly storage: Storage;
  readonly endpoint: string;
  /** The run's task queue, where it is known here. */
  readonly taskQueue: string | undefined;
  readonly output: string | undefined;
  readonly items?: number;
  /** Go on after a canary without asking. */
  readonly yes: boolean;
  /** Whether it was started just now, was under way, or had ended well. */
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
    if (visit.found === 'running') await goOn(visit, reporter);
    const followed = await follow({
      handle: visit.handle,
      reporter,
      interrupt: io.interrupt,
      review: (progress) => reviewHere(visit, progress, reporter, io),
      ...(worker === undefined ? {} : { worker: worker.done }),
    });
    if (followed.kind === 'detached') {
      reporter.close();
      sayDetached(visit, session, reporter);
      return EXIT.DETACHED;
    }
    if (followed.kind === 'cancelled') return await endCancelled(visit, reporter, io);
    return await end(visit, followed.result, reporter, io);
  } finally {
    await worker?.leave();
  }
}

/** Starts the worker that a run on the embedded server needs; on a cluster there are others. */
export async function workerFor(
  { taskQueue, runId, storage, endpoint }: Pick<Visit, 'taskQueue' | 'runId' | 'storage' | 'endpoint'>,
  session: Session,
  reporter: Reporter,
): Promise<LocalWorker | undefined> {
  if (!session.embedded) return undefined;
  return await session.startWorker({
    taskQueues: [taskQueue ?? runId],
    storage: storage.root,
    baseUrl: endpoint,
    // The run's lanes are the bound, and they may be changed under way.
    maxRequests: MAX_CONCURRENCY,
    shutdownGraceMs: LEAVE_GRACE_MS,
    onLog: (message) => reporter.warn(message),
  });
}

/** A run that was under way goes on; one that was paused for want of credits is told that there may be some now. */
async function goOn({ handle, runId }: Visit, reporter: Reporter): Promise<void> {
  reporter.note(`${runId} is under way: going on with it`);
  const progress = await handle.progress().catch(() => undefined);
  if (progress?.state !== 'paused' || isInReview(progress)) return;
  const { reason = 'no reason given', pausedBy } = progress;
  if (pausedBy === 'credits') {
    reporter.note(`it was paused (${reason}): resuming it`);
    await handle.resume();
  } else {
    reporter.warn(`it is ${reason.startsWith('paused') ? '' : 'paused: '}${reason}`);
  }
}

/** Lets a person who is there look at the canary; where nobody is, somebody else must resume the run. */
async function reviewHere(
  { handle, storage, yes }: Visit,
  progress: Progress,
  reporter: Reporter,
  io: Io,
): Promise<boolean | undefined> {
  if (!yes && io.stdin.isTTY !== true) return undefined;
  reporter.clear();
  return await reviewCanary({ handle, storage, yes, io }, progress);
}

/** Somebody has cancelled the run: what it has is written, and what it came to is said. */
async function endCancelled(visit: Visit, reporter: Reporter, io: Io): Promise<number> {
  const { storage, runId, output } = visit;
  reporter.clear();
  const ledger = await readLedger(storage, runId);
  if (ledger === undefined) {
    reporter.warn(`the run ${runId} was cancelled, and nothing was kept of it`);
    return EXIT.FAILED;
  }
  await writeOutput(output, partialLines(storage, runId), io.stdout);
  reporter.finish(progressOfSummary(ledger), ledger, output);
  reporter.note(`The run was cancelled: these are the answers that it has. The same command goes on with them.`);
  return exitCodeOf(ledger);
}

async function deliverFinished(visit: Visit, reporter: Reporter, io: Io): Promise<number> {
  const { storage, runId } = visit;
  const summary = await readSummary(storage, runId);
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
  await deliver(visit, summary, io);
  reporter.finish(progressOfSummary(summary), summary, visit.output);
  return exitCodeOf(summary);
}

function sayDetached({ runId }: Visit, session: Session, reporter: Reporter): void {
  const goes = session.embedded ? 'The run waits with everything kept.' : 'The run goes on with its workers.';
  reporter.note(`Left. ${goes} Give the same command again, or: dria-temporal attach ${runId}`);
}
