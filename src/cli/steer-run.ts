import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../batch/progress.js';
import { shellWord } from '../batch/shell-word.js';
import type { BatchHandle } from '../client.js';
import type { RunExecution } from '../client-executions.js';
import type { Storage } from '../storage/storage.js';
import { type ChangeFlags, changeFromFlags } from './change-flags.js';
import { durationText } from './duration.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { findKnownRun } from './known-run.js';
import type { LocalWorker } from './local-worker.js';
import { missingRun } from './missing-run.js';
import { usablePlaces } from './places.js';
import type { RunFlags } from './run-flags.js';
import { readableMemoOf } from './run-memo.js';
import { openSession, type Session } from './session.js';
import { temporalSettings } from './temporal-settings.js';
import { workerFor } from './visit-run.js';

/** How long a run's worker may take to take an order, ms: without a worker nobody does. */
const ORDER_MS = 15_000;

/** Time without an answer after which a run on the embedded server is taken to have no worker, ms. */
const SILENT_MS = 3_000;

/** Pauses or resumes a run. Throws a `UserError` when it is not there, has ended, or nobody takes the order. */
export async function steerRun(order: 'pause' | 'resume', id: string, flags: RunFlags, io: Io): Promise<void> {
  await withRun(id, flags, io, async (handle, worker) => {
    // A run that nobody works on has nothing to be paused.
    const pausing = order === 'pause';
    const { progress, hasLeft } = await (pausing
      ? taken(handle, handle.pause(), async () => undefined)
      : taken(handle, handle.resume(), worker));
    const { state, ok, failed, items } = progress;
    io.stderr.write(`${id} is ${state}: ${ok + failed} of ${items} items are done\n`);
    if (hasLeft) io.stderr.write(`${goOnHere(id)}\n`);
  });
}

/** Changes an unfinished run. Throws as {@link steerRun} does, and when a change is none or cannot be. */
export async function setRun(id: string, changes: ChangeFlags, flags: RunFlags, io: Io): Promise<void> {
  const change = changeFromFlags(changes);
  if (change === undefined) {
    throw new UserError('nothing to change: give at least one flag of a change', {
      exitCode: 2,
      hint: 'See `dria-temporal set --help`.',
    });
  }
  await withRun(id, flags, io, async (handle, worker) => {
    const { progress, hasLeft } = await taken(handle, handle.set(change), worker);
    if (flags.json) io.stdout.write(`${JSON.stringify({ id, ...progress })}\n`);
    else io.stderr.write(`${id} is changed: ${Object.entries(change).map(changeInWords).join(', ')}\n`);
    if (hasLeft && !flags.json) io.stderr.write(`${goOnHere(id)}\n`);
  });
}

function changeInWords([field, value]: [string, unknown]): string {
  if (field === 'maxWaitSecs') return `max wait ${durationText(Number(value))}`;
  const name = field.replace(/Secs$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${name} ${value === null ? (field === 'model' ? 'any' : 'none') : String(value)}`;
}

function goOnHere(id: string): string {
  return `No command works on it now; to go on: dria-temporal attach ${shellWord(id)}`;
}

/** Starts a worker in this process; undefined where workers are elsewhere. */
type StartWorker = () => Promise<LocalWorker | undefined>;

/** Finds an unfinished run, for an order to it. Throws a `UserError` when there is none. */
async function withRun(
  id: string,
  flags: RunFlags,
  io: Io,
  body: (handle: BatchHandle, worker: StartWorker) => Promise<void>,
): Promise<void> {
  await withAnyRun(id, flags, io, async (handle, run, { session, storage }) => {
    if (run.status.name !== 'RUNNING') throw hasEnded(id, run.status.name);
    // What is sent to a run goes into its history as the run encodes it, or not at all.
    readableMemoOf(run);
    await body(handle, async () => {
      if (!session.embedded) return undefined;
      const { visit } = await findKnownRun(id, { flags, storage, session, io });
      return await workerFor(await visit(), session, (message) => io.stderr.write(`warning: ${message}\n`));
    });
  });
}

/** Finds a run, unfinished or not. Throws a `UserError` when there is none. */
export async function withAnyRun<T>(
  id: string,
  flags: RunFlags,
  io: Io,
  body: (
    handle: BatchHandle,
    run: RunExecution,
    at: { readonly session: Session; readonly storage: Storage },
  ) => Promise<T>,
): Promise<T> {
  const settings = temporalSettings(flags, io.env);
  const { dataDir, storage } = await usablePlaces(flags, io.env);
  const onStep = (step: string): void => void io.stderr.write(`${step}\n`);
  const options = { settings, withWorker: false, dataDir, env: io.env, onStep, signal: io.interrupt };
  const session = await openSession(options);
  try {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) throw await missingRun(id, storage);
    return await body(handle, run, { session, storage });
  } finally {
    await session.close();
  }
}

/** The error for an order to a run that has ended. */
export function hasEnded(id: string, status: string, hint?: string): UserError {
  const way = hint === undefined ? {} : { hint };
  return new UserError(`the run ${id} has ended: ${status.toLowerCase()}`, { exitCode: 1, ...way });
}

/** The error for an order that nobody takes; `then` is what follows when a worker is there. */
export function noWorkerAnswers(id: string, then: string): UserError {
  const hint = `Attach one, ${then}: dria-temporal attach ${shellWord(id)}`;
  return new UserError(`no worker answers for ${id}`, { exitCode: 1, hint });
}

/** An order that was taken; `hasLeft` when the worker that took it was started for it and has left. */
interface Taken {
  readonly progress: Progress;
  readonly hasLeft: boolean;
}

/**
 * Waits for an order to be taken, which only a run's worker can do. A run on the embedded server that no command is
 * attached to has none: one is started for the order.
 */
async function taken({ id }: BatchHandle, order: Promise<Progress>, startWorker: StartWorker): Promise<Taken> {
  const answered = order.catch(refused);
  const soon = await within(answered, SILENT_MS);
  if (soon !== undefined) return { progress: soon, hasLeft: false };
  const worker = await startWorker();
  try {
    const progress = await within(answered, ORDER_MS);
    if (progress === undefined) throw noWorkerAnswers(id, 'then give the order again');
    return { progress, hasLeft: worker !== undefined };
  } finally {
    await worker?.leave();
  }
}

async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const over = new AbortController();
  const late = delay(ms, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}

/** A run that refuses an order says why. */
function refused(error: unknown): never {
  const cause = error instanceof Error && error.name === 'WorkflowUpdateFailedError' ? error.cause : undefined;
  if (!(cause instanceof Error)) throw error;
  throw new UserError(cause.message, { exitCode: 1, cause: error });
}
