import type { ResultFormat } from '../batch/output-format.js';
import { isOwn } from '../formats/render.js';
import { readStagedManifest } from '../store/manifest.js';
import { renderedPartial } from '../store/rendered.js';
import { readSummaryIfWhole } from '../store/summary.js';
import { deliver, endByParts, endedWell, exitCodeOf } from './deliver.js';
import { UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { noSuchRun } from './missing-run.js';
import { checkNewLines } from './new-lines-flags.js';
import { checkOutput, writeOutput } from './output.js';
import { placesOf, usablePlaces } from './places.js';
import { checkFlatten, formatFrom, saidOfFormats, wantedFrom } from './result-format.js';
import type { ResultsFlags } from './run-flags.js';
import { isS3Output } from './s3-output.js';

/**
 * Writes the results of a run that has ended, with `--partial` what any run has so far, with `--failed` its failed items
 * as an input, with `--since-last` the lines that a reader does not have yet. Everything is in the run directory: a server is asked only why there are no results. Returns the exit code.
 */
export async function showResults(id: string, flags: ResultsFlags, io: Io): Promise<number> {
  if (flags.sinceLast || flags.follow || flags.cursor !== undefined) checkNewLines(flags);
  const { output } = flags;
  const format = await formatFrom(wantedFrom(flags), io);
  if (flags.failed && (!isPlain(format) || isS3Output(output ?? ''))) throw noInput();
  await checkOutput(output, { places: placesOf(flags, io.env), format, env: io.env });
  const { storage } = await usablePlaces(flags, io.env);
  if (flags.sinceLast) {
    const { showNewLines } = await import('./show-new-lines.js');
    return await showNewLines(id, storage, flags, io);
  }
  if (flags.failed) {
    const { showFailed } = await import('./show-failed.js');
    return await showFailed({ id, storage, output }, io);
  }
  await checkFlatten(storage, id, format);
  // What is there of results and parts does not depend on it.
  const ledger = await readSummaryIfWhole(storage, id, (why) => io.stderr.write(`warning: ${why}\n`));
  const summary = ledger === undefined ? await endByParts(storage, id) : endedWell(ledger);
  if (summary !== undefined && !flags.partial) {
    await deliver({ storage, runId: id, output, format }, io);
    return exitCodeOf(summary);
  }
  if ((await readStagedManifest(storage, id)) === undefined) throw noSuchRun(id);
  if (!flags.partial) {
    // Loaded when it is needed: it asks a server, and all else here is in files.
    const { noResultsYet } = await import('./why-no-results.js');
    throw await noResultsYet(id, flags, io.env);
  }
  await saidOfFormats(() => writeOutput(output, renderedPartial(storage, id, format), io));
  return summary === undefined ? EXIT.OK : exitCodeOf(summary);
}

function isPlain(format: ResultFormat): boolean {
  return isOwn(format) && format.compression === undefined;
}

function noInput(): UserError {
  return new UserError('--failed writes an input, which is JSONL and beside its attachments', {
    exitCode: 2,
    hint: 'Give -o a file whose name ends in .jsonl, and no format.',
  });
}
