import { shellWord } from '../batch/shell-word.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { readStagedManifest } from '../store/manifest.js';
import { readStoredSettings } from '../store/settings.js';
import { readSummary } from './deliver.js';
import { UserError } from './errors.js';
import { FailedLines } from './failed-lines.js';
import { EXIT, type Io } from './io.js';
import { noSuchRun } from './missing-run.js';
import { MovedAttachments } from './moved-attachments.js';
import { writeOutput } from './output.js';
import { formatItems } from './terminal/format.js';

/** Which failed items to write, and where. */
export interface FailedRequest {
  readonly id: string;
  readonly storage: Storage;
  /** A file; standard output without it. */
  readonly output: string | undefined;
}

/** Writes the failed items of a run as an input that can be run as it is, each with its error. Returns the exit code. */
export async function showFailed({ id, storage, output }: FailedRequest, io: Io): Promise<number> {
  const manifest = await readStagedManifest(storage, id);
  if (manifest === undefined) throw noSuchRun(id);
  const ended = (await readSummary(storage, id)) !== undefined;
  const places = await readStoredSettings(storage, id).catch((error: unknown) => {
    throw isMissing(error) ? notBegun(id, error) : error;
  });
  const attachments = new MovedAttachments(storage, places.attachments, output);
  const moved = attachments.moved.bind(attachments);
  const failed = new FailedLines({ storage, run: id, manifest, ended, places, attachments: moved });
  await writeOutput(output, failed.lines(), io);
  for (const line of report(failed, attachments, manifest.chunks.length, output)) io.stderr.write(`${line}\n`);
  return EXIT.OK;
}

function isMissing(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'NOT_FOUND';
}

function notBegun(id: string, cause: unknown): UserError {
  return new UserError(`the run ${id} has not begun: nothing has failed yet`, { exitCode: 1, cause });
}

function report(
  { failed, invalid, openChunks }: FailedLines,
  attachments: MovedAttachments,
  chunks: number,
  output: string | undefined,
): string[] {
  const open = `${openChunks} of ${chunks} chunks are not finished: more may fail in them`;
  const skipped = `${formatItems(invalid)} left out: their input lines are invalid and cannot be run`;
  const missing = `${formatItems(attachments.missing)} with attachments that are not on this machine: give -o, and they are brought`;
  return [
    failed === 0 ? 'no items to run again' : `${formatItems(failed)} to run again: ${commandFor(attachments, output)}`,
    ...(invalid === 0 ? [] : [skipped]),
    ...(openChunks === 0 ? [] : [open]),
    ...(attachments.missing === 0 ? [] : [missing]),
  ];
}

/** The command that runs what was written. */
function commandFor({ roots }: MovedAttachments, output: string | undefined): string {
  const flags = [...roots].map((root) => ` --attachments-root ${shellWord(root)}`).join('');
  return `dria-temporal batch ${output === undefined ? '-' : shellWord(output)}${flags}`;
}
