import { isServersEnd, type ServersEnd, stateOfEnd, withEnd } from '../batch/end-of-run.js';
import type { Progress } from '../batch/progress.js';
import { NO_PROGRESS, progressOfSummary } from '../batch/run-view.js';
import { shellWord } from '../batch/shell-word.js';
import type { BatchHandle } from '../client.js';
import type { RunExecution } from '../client-executions.js';
import type { Storage } from '../storage/storage.js';
import { describeStoredRun } from '../store/describe-run.js';
import { readSummaryIfWhole } from '../store/summary.js';
import { progressWithin } from './ask-progress.js';
import { exitCodeOf } from './deliver.js';
import { runFailureWords } from './errors.js';
import { EXIT, type Io } from './io.js';
import { missingRun } from './missing-run.js';
import { placesOf } from './places.js';
import type { RunFlags } from './run-flags.js';
import { memoOf, unreadableNote } from './run-memo.js';
import { openSession, type Session } from './session.js';
import type { TemporalFlags } from './temporal-flags.js';
import { temporalSettings } from './temporal-settings.js';
import { statusView } from './terminal/tables.js';

/** How long a run's worker may take to answer, ms; without a worker nobody does. */
const ANSWER_MS = 2_000;

/** Prints how one run goes. Returns the exit code: 0 while it is unfinished. Throws a `UserError` when there is none. */
export async function showStatus(id: string, flags: RunFlags, io: Io): Promise<number> {
  let exitCode: number = EXIT.OK;
  await withSession(flags, io, async (session, storage) => {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) throw await missingRun(id, storage);
    const progress = await progressOfRun(handle, run, storage);
    if (run.status.name !== 'RUNNING') exitCode = exitCodeOf(progress);
    const uiUrl = session.uiUrl(id);
    const note = unreadableNote([run]);
    if (note !== undefined) io.stderr.write(`${note}\n`);
    io.stdout.write(
      flags.json
        ? `${JSON.stringify({ id, ...progress, ...(uiUrl === undefined ? {} : { uiUrl }) })}\n`
        : `${statusView(id, progress, uiUrl)}\n`,
    );
  });
  return exitCode;
}

/** Opens a session, without a worker, for as long as `body` takes. */
export async function withSession(
  flags: TemporalFlags,
  io: Io,
  body: (session: Session, storage: Storage) => Promise<void>,
): Promise<void> {
  const settings = temporalSettings(flags, io.env);
  const { dataDir, storage } = placesOf(flags, io.env);
  const onStep = (step: string): void => void io.stderr.write(`${step}\n`);
  const session = await openSession({
    settings,
    withWorker: false,
    dataDir,
    env: io.env,
    onStep,
    signal: io.interrupt,
  });
  try {
    await body(session, storage);
  } finally {
    await session.close();
  }
}

/** How a run goes: by its worker while it runs, else by the server and by what storage has. */
async function progressOfRun(handle: BatchHandle, run: RunExecution, storage: Storage): Promise<Progress> {
  const { status, startTime } = run;
  if (status.name === 'RUNNING') {
    // What a worker answers is encoded as the memo is.
    if (run.unreadable !== undefined) return { ...(await storedProgress(storage, run)), state: 'running' };
    const asked = await progressWithin(handle, ANSWER_MS);
    if (typeof asked !== 'string') return asked;
    const reason = `no worker is at it; go on with: dria-temporal attach ${shellWord(run.workflowId)}`;
    return { ...(await storedProgress(storage, run)), state: 'waiting', reason };
  }
  const end = endOf(status.name);
  let damage: string | undefined;
  const ledger = await readSummaryIfWhole(storage, run.workflowId, (why) => {
    damage = why;
  });
  // One that was ended from outside has written none: it is of an execution before.
  const isItsOwn = ledger?.state === stateOfEnd(end) && ledger.endedAt >= startTime.getTime();
  const counted = isItsOwn ? progressOfSummary(ledger) : await storedProgress(storage, run);
  const ended = withEnd(counted, end);
  if (end === 'FAILED') return { ...ended, reason: await whyFailed(handle) };
  return damage === undefined ? ended : { ...ended, reason: damage };
}

/** What storage has of a run that nobody works on. */
async function storedProgress(storage: Storage, run: RunExecution): Promise<Progress> {
  const memo = memoOf(run);
  const { input, ok = 0, failed = 0, parts = 0 } = (await describeStoredRun(storage, run.workflowId)) ?? {};
  const { items = memo.items ?? 0, chunks = 0 } = input ?? {};
  const startedAt = run.startTime.getTime();
  return { ...NO_PROGRESS, items, ok, failed, chunks: { total: chunks, started: parts, done: parts }, startedAt };
}

async function whyFailed(handle: BatchHandle): Promise<string> {
  return await handle.result().then(
    () => 'it has ended',
    (error: unknown) => runFailureWords(error),
  );
}

function endOf(status: string): ServersEnd {
  return isServersEnd(status) ? status : 'FAILED';
}
