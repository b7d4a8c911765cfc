import { createInterface } from 'node:readline/promises';
import { partialLines } from '../activities/partial-lines.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import { readLedger } from './deliver.js';
import { UserError } from './errors.js';
import type { Io } from './io.js';
import { checkOutput, writeOutput } from './output.js';
import { usablePlaces } from './places.js';
import type { CancelFlags } from './run-flags.js';
import { runMemoSchema } from './run-memo.js';
import { taken, withRun } from './steer-run.js';
import { summaryView } from './terminal/tables.js';

/**
 * Ends a run and writes the answers that it has; with `--discard` it removes them instead. Throws a `UserError` when the
 * run is not there, has ended, or nobody takes the order.
 */
export async function cancelRun(id: string, flags: CancelFlags, io: Io): Promise<void> {
  if (flags.discard && flags.output !== undefined) {
    throw new UserError('--discard and --output are both given: use one of them', { exitCode: 2 });
  }
  if (flags.output !== undefined) await checkOutput(flags.output);
  const { storage } = await usablePlaces(flags, io.env);
  await withRun(id, flags, io, async (handle) => {
    if (flags.discard) await confirmDiscard(id, flags.yes, io);
    const { output } = runMemoSchema.parse((await handle.describe())?.memo ?? {});
    await handle.cancel();
    // Packs under way end after their request: what they bring is among the answers.
    await taken(handle, handle.result().then(nothing, nothing), 'it ends then');
    if (flags.discard) await discard(id, storage, io);
    else await keep({ id, storage, output: flags.output ?? output }, io);
  });
}

function nothing(): undefined {
  return undefined;
}

/** Answers that were paid for are removed: a person says so, or a flag. */
async function confirmDiscard(id: string, yes: boolean, { stdin, stderr, interrupt }: Io): Promise<void> {
  if (yes) return;
  if (stdin.isTTY !== true) {
    throw new UserError('--discard removes answers that were paid for, and there is no terminal to ask', {
      exitCode: 2,
      hint: 'Give --yes to remove them without asking.',
    });
  }
  const lines = createInterface({ input: stdin, output: stderr });
  const answer = await lines.question(`Remove all answers of ${id}? [y/N] `, { signal: interrupt }).catch(() => '');
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was changed', { exitCode: 1 });
}

async function discard(id: string, storage: Storage, { stderr }: Io): Promise<void> {
  await storage.removeAll(runDirectory(id).prefix);
  stderr.write(`${id} is cancelled, and its answers are removed\n`);
}

interface Kept {
  readonly id: string;
  readonly storage: Storage;
  readonly output: string | undefined;
}

async function keep({ id, storage, output }: Kept, { stdout, stderr }: Io): Promise<void> {
  const ledger = await readLedger(storage, id);
  if (output !== undefined) await writeOutput(output, partialLines(storage, id), stdout);
  if (ledger !== undefined) stderr.write(`${summaryView(ledger, output)}\n\n`);
  const where = output === undefined ? `\`dria-temporal results ${id} --partial\`` : output;
  stderr.write(`${id} is cancelled; its answers are kept: ${where}\n`);
}
