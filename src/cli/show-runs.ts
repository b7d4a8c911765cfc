import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { Progress } from '../batch/progress.js';
import { NO_PROGRESS, progressOfSummary } from '../batch/run-view.js';
import type { Storage } from '../storage/storage.js';
import { progressWithin } from './ask-progress.js';
import { readLedger } from './deliver.js';
import type { Io } from './io.js';
import { placesOf } from './places.js';
import type { RunFlags } from './run-flags.js';
import { noSuchRun, runMemoSchema } from './run-memo.js';
import { openSession, type Session } from './session.js';
import type { TemporalFlags } from './temporal-flags.js';
import { temporalSettings } from './temporal-settings.js';
import { statusView } from './terminal/tables.js';

/** How long a run's worker may take to answer, ms; without a worker nobody does. */
const ANSWER_MS = 2_000;

/** Prints how one run goes. Throws a `UserError` when there is none. */
export async function showStatus(id: string, flags: RunFlags, io: Io): Promise<void> {
  await withSession(flags, io, async (session, storage) => {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) throw noSuchRun(id);
    const asked = await progressWithin(handle, ANSWER_MS);
    const progress = typeof asked === 'string' ? await storedProgress(storage, run) : asked;
    const uiUrl = session.uiUrl(id);
    io.stdout.write(
      flags.json
        ? `${JSON.stringify({ id, ...progress, ...(uiUrl === undefined ? {} : { uiUrl }) })}\n`
        : `${statusView(id, progress, uiUrl)}\n`,
    );
  });
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

/** What is known of a run that no worker answers for. */
async function storedProgress(storage: Storage, run: StoredRun): Promise<Progress> {
  const state = stateOf(run.status.name);
  const ledger = await readLedger(storage, run.workflowId);
  if (ledger?.state === state) return progressOfSummary(ledger);
  const items = runMemoSchema.parse(run.memo ?? {}).items ?? 0;
  const known = { ...NO_PROGRESS, items, startedAt: run.startTime.getTime() };
  if (state !== 'running') return { ...known, state };
  const reason = `no worker is at it; go on with: dria-temporal attach ${run.workflowId}`;
  return { ...known, state: 'waiting', reason };
}

/** What lists and descriptions of workflows have in common. */
type StoredRun = Pick<WorkflowExecutionInfo, 'workflowId' | 'status' | 'memo' | 'startTime'>;

function stateOf(status: string): Progress['state'] {
  switch (status) {
    case 'RUNNING':
    case 'COMPLETED':
      return status === 'RUNNING' ? 'running' : 'completed';
    case 'CANCELLED':
    case 'TERMINATED':
      return 'cancelled';
    default:
      return 'failed';
  }
}
