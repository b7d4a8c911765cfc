import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';
import { type ChangeFlags, changeFromFlags } from './change-flags.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { usablePlaces } from './places.js';
import type { RunFlags } from './run-flags.js';
import { noSuchRun } from './run-memo.js';
import { openSession } from './session.js';
import { temporalSettings } from './temporal-settings.js';

/** How long a run's worker may take to take an order, ms: without a worker nobody does. */
const ORDER_MS = 15_000;

/** Pauses or resumes a run. Throws a `UserError` when it is not there, has ended, or nobody takes the order. */
export async function steerRun(order: 'pause' | 'resume', id: string, flags: RunFlags, io: Io): Promise<void> {
  await withRun(id, flags, io, async (handle) => {
    const { state, ok, failed, items } = await taken(handle, order === 'pause' ? handle.pause() : handle.resume());
    io.stderr.write(`${id} is ${state}: ${ok + failed} of ${items} items are done\n`);
  });
}

/** Changes a run under way. Throws as {@link steerRun} does, and when a change is none or cannot be. */
export async function setRun(id: string, changes: ChangeFlags, flags: RunFlags, io: Io): Promise<void> {
  const change = changeFromFlags(changes);
  if (change === undefined) {
    throw new UserError('nothing to change: give at least one flag of a change', {
      exitCode: 2,
      hint: 'See `dria-temporal set --help`.',
    });
  }
  await withRun(id, flags, io, async (handle) => {
    const progress = await taken(handle, handle.set(change));
    if (flags.json) io.stdout.write(`${JSON.stringify({ id, ...progress })}\n`);
    else io.stderr.write(`${id} is changed: ${Object.entries(change).map(changeInWords).join(', ')}\n`);
  });
}

function changeInWords([field, value]: [string, unknown]): string {
  const name = field.replace(/Secs$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${name} ${value === null ? (field === 'model' ? 'any' : 'none') : String(value)}`;
}

/** Finds a run that is under way, for an order to it. Throws a `UserError` when there is none. */
async function withRun(
  id: string,
  flags: RunFlags,
  io: Io,
  body: (handle: BatchHandle) => Promise<void>,
): Promise<void> {
  await withAnyRun(id, flags, io, async (handle, { status }) => {
    if (status.name !== 'RUNNING') throw hasEnded(id, status.name);
    await body(handle);
  });
}

/** Finds a run, under way or not. Throws a `UserError` when there is none. */
export async function withAnyRun<T>(
  id: string,
  flags: RunFlags,
  io: Io,
  body: (handle: BatchHandle, run: WorkflowExecutionDescription) => Promise<T>,
): Promise<T> {
  const settings = temporalSettings(flags, io.env);
  const { dataDir } = await usablePlaces(flags, io.env);
  const onStep = (step: string): void => void io.stderr.write(`${step}\n`);
  const options = { settings, withWorker: false, dataDir, env: io.env, onStep, signal: io.interrupt };
  const session = await openSession(options);
  try {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) throw noSuchRun(id);
    return await body(handle, run);
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
  const hint = `Attach one, ${then}: dria-temporal attach ${id}`;
  return new UserError(`no worker answers for ${id}`, { exitCode: 1, hint });
}

/** Waits for an order to be taken, which only a run's worker can do. */
async function taken({ id }: BatchHandle, order: Promise<Progress>): Promise<Progress> {
  const ended = new AbortController();
  const late = delay(ORDER_MS, undefined, { signal: ended.signal }).then(() => {
    throw noWorkerAnswers(id, 'then give the order again');
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([order.catch(refused), late]);
  } finally {
    ended.abort();
  }
}

/** A run that refuses an order says why. */
function refused(error: unknown): never {
  const cause = error instanceof Error && error.name === 'WorkflowUpdateFailedError' ? error.cause : undefined;
  if (!(cause instanceof Error)) throw error;
  throw new UserError(cause.message, { exitCode: 1, cause: error });
}
