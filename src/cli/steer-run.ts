import { setTimeout as delay } from 'node:timers/promises';
import { partialLines } from '../activities/partial-lines.js';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { checkOutput, writeOutput } from './output.js';
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
    const { state, ok, failed, items } = await taken(
      handle,
      order === 'pause' ? handle.pause() : handle.resume(),
      'then give the order again',
    );
    io.stderr.write(`${id} is ${state}: ${ok + failed} of ${items} items are done\n`);
  });
}

/** Ends a run; with an output, writes the answers that it has. Throws as {@link steerRun} does. */
export async function cancelRun(id: string, flags: RunFlags, io: Io): Promise<void> {
  if (flags.output !== undefined) await checkOutput(flags.output);
  const { storage } = await usablePlaces(flags, io.env);
  await withRun(id, flags, io, async (handle) => {
    await handle.cancel();
    // Packs under way end after their request: what they bring is among the answers.
    await taken(
      handle,
      handle.result().then(
        () => undefined,
        () => undefined,
      ),
      'it ends then',
    );
    io.stderr.write(`${id} is cancelled; its answers are kept: \`dria-temporal results ${id} --partial\`\n`);
    if (flags.output !== undefined) await writeOutput(flags.output, partialLines(storage, id), io.stdout);
  });
}

async function withRun(
  id: string,
  flags: RunFlags,
  io: Io,
  body: (handle: BatchHandle) => Promise<void>,
): Promise<void> {
  const settings = temporalSettings(flags, io.env);
  const { dataDir } = await usablePlaces(flags, io.env);
  const onStep = (step: string): void => void io.stderr.write(`${step}\n`);
  const options = { settings, withWorker: false, dataDir, env: io.env, onStep, signal: io.interrupt };
  const session = await openSession(options);
  try {
    const handle = session.batches.handle(id);
    const run = await handle.describe();
    if (run === undefined) throw noSuchRun(id);
    if (run.status.name !== 'RUNNING') {
      throw new UserError(`the run ${id} has ended: ${run.status.name.toLowerCase()}`, { exitCode: 1 });
    }
    await body(handle);
  } finally {
    await session.close();
  }
}

/** Waits for an order to be taken, which only a run's worker can do. */
async function taken<T extends Progress | undefined>({ id }: BatchHandle, order: Promise<T>, then: string): Promise<T> {
  const ended = new AbortController();
  const late = delay(ORDER_MS, undefined, { signal: ended.signal }).then(() => {
    const hint = `Attach one, ${then}: dria-temporal attach ${id}`;
    throw new UserError(`no worker answers for ${id}`, { exitCode: 1, hint });
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([order, late]);
  } finally {
    ended.abort();
  }
}
