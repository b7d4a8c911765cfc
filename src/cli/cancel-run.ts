import { createInterface } from 'node:readline/promises';
import { shellWord } from '../batch/shell-word.js';
import type { BatchHandle } from '../client.js';
import type { Storage } from '../storage/storage.js';
import { renderedPartial } from '../store/rendered.js';
import { runDirectory } from '../store/run-directory.js';
import { readSummaryIfWhole } from '../store/summary.js';
import { awaitEnd } from './await-end.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { checkNotedOutput, checkOutput, hasOldOutput, writeOutput } from './output.js';
import { placesOf, usablePlaces } from './places.js';
import { formatFrom, saidOfFormats, type Wanted, wantedFrom } from './result-format.js';
import type { CancelFlags } from './run-flags.js';
import { memoOf, wantedOf } from './run-memo.js';
import { hasEnded, noWorkerAnswers, withAnyRun } from './steer-run.js';
import { summaryView } from './terminal/tables.js';

/**
 * Ends a run and writes the answers that it has; with `--discard` it removes them instead. Of a run that is cancelled
 * already they are written or removed when it is asked for. Returns the exit code. Throws a `UserError` when the run is
 * not there, has ended otherwise, or nobody works on it.
 */
export async function cancelRun(id: string, flags: CancelFlags, io: Io): Promise<number> {
  if (flags.discard && flags.output !== undefined) {
    throw new UserError('--discard and --output are both given: use one of them', { exitCode: 2 });
  }
  const { env } = io;
  await checkOutput(flags.output, {
    places: placesOf(flags, env),
    format: await formatFrom(wantedFrom(flags), io),
    env,
  });
  const { storage } = await usablePlaces(flags, env);
  return await withAnyRun(id, flags, io, async (handle, run) => {
    const { status } = run;
    const wanted = wantedFrom(flags, wantedOf(memoOf(run)));
    const { output } = wanted;
    if (flags.output === undefined && output !== undefined && !flags.discard) {
      await checkNotedOutput(output, { places: placesOf(flags, env), format: await formatFrom(wanted, io), env });
    }
    const isCancelled = status.name === 'CANCELLED';
    if (isCancelled) await checkCancelled(id, flags, storage);
    else if (status.name !== 'RUNNING') throw hasEnded(id, status.name);
    if (flags.discard) await confirmDiscard(id, flags.yes, io);
    if (!isCancelled && !(await end(handle, answersLater(id, flags.discard, output), io))) return EXIT.DETACHED;
    if (flags.discard) await discard(id, storage, io);
    else await keep({ id, storage, wanted }, io);
    return EXIT.OK;
  });
}

/**
 * What may be done with a run that is cancelled already. Its output as it was asked for at the start is not written
 * anew unasked: it may be another run's by now.
 */
async function checkCancelled(id: string, { discard, output }: CancelFlags, storage: Storage): Promise<void> {
  if (!discard && output === undefined) {
    throw hasEnded(id, 'CANCELLED', 'Give -o <file> to write the answers that it has, --discard to remove them.');
  }
  if ((await storage.size(runDirectory(id).manifest)) !== undefined) return;
  throw new UserError(`nothing of ${id} is left in ${storage.root}`, { exitCode: 1 });
}

/**
 * Ends a run and waits until its requests in flight have ended too: what they bring is among the answers. False when the
 * person leaves before. Throws a `UserError` when nobody works on it, and when it has ended otherwise meanwhile.
 */
async function end(handle: BatchHandle, later: string, { interrupt, stderr }: Io): Promise<boolean> {
  const { id } = handle;
  await handle.cancel();
  const say = (words: string): void => void stderr.write(`${words}\n`);
  const awaited = await awaitEnd(handle, { interrupt, say });
  if (awaited === 'no-worker') throw noWorkerAnswers(id, `the run ends then, and after that \`${later}\``);
  if (awaited === 'left') {
    say(`Left. The run ends when its requests in flight have. After that: ${later}`);
    return false;
  }
  const status = (await handle.describe())?.status.name ?? 'CANCELLED';
  if (status === 'CANCELLED') return true;
  throw hasEnded(id, status, `Its answers are kept: dria-temporal results ${shellWord(id)} --partial`);
}

/** The command that does with the answers what this one has not waited for. */
function answersLater(id: string, discards: boolean, output: string | undefined): string {
  const file = output === undefined ? '<file>' : shellWord(output);
  return `dria-temporal cancel ${shellWord(id)} ${discards ? '--discard' : `-o ${file}`}`;
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
  readonly wanted: Wanted;
}

async function keep({ id, storage, wanted }: Kept, io: Io): Promise<void> {
  const ledger = await readSummaryIfWhole(storage, id, (why) => io.stderr.write(`warning: ${why}\n`));
  const asked = wanted.output;
  // A run without answers brings nothing that could replace an earlier run's.
  const isOld = asked !== undefined && ledger?.ok === 0 && (await hasOldOutput(asked, io.env));
  const output = isOld ? undefined : asked;
  if (output !== undefined) {
    const format = await formatFrom(wanted, io);
    await saidOfFormats(() => writeOutput(output, renderedPartial(storage, id, format), io));
  }
  if (ledger !== undefined) io.stderr.write(`${summaryView(ledger, output)}\n\n`);
  const where = output === undefined ? `\`dria-temporal results ${shellWord(id)} --partial\`` : output;
  io.stderr.write(`${id} is cancelled; its answers are kept: ${where}\n`);
}
