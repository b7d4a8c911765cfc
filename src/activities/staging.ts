import { tmpdir } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { Context } from '@temporalio/activity';
import type { z } from 'zod';
import type { Manifest } from '../batch/manifest.js';
import { asksOnce, type BatchOptions, hasKeysOfFiles } from '../batch/options.js';
import { type BatchInput, type batchInputSchema, namesOf } from '../batch/run.js';
import { loadSchemaCompiler } from '../dria/schema-compiler.js';
import type { AttachmentRules } from '../input/attachments.js';
import { InputError } from '../input/errors.js';
import { isPattern } from '../input/find-files.js';
import { detectFiles, type OpenedFiles } from '../input/open-input.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { isS3Root } from '../storage/s3-location.js';
import type { Storage } from '../storage/storage.js';
import { openInputFiles } from '../store/input-files.js';
import { ifThere } from '../store/json.js';
import { readStagedManifest } from '../store/manifest.js';
import { inputKey } from '../store/run-directory.js';
import { NO_FOLDER, readStoredSettings, type StoredSettings } from '../store/settings.js';
import { hasContent, stageContent, stageInput } from '../store/stage.js';
import { invalid, otherInput } from './failures.js';
import type { SourceSettings } from './settings.js';

/** What staging needs. */
export interface Staging {
  readonly storage: Storage;
  readonly run: string;
  readonly input: z.output<typeof batchInputSchema>;
  readonly options: BatchOptions;
  readonly settings: SourceSettings;
  readonly onBytes: (bytes: number) => void;
}

/** A run's input: what is known of it, and how it gets into storage. */
export interface Source {
  readonly manifest: Manifest;
  /** Folders that attachments may come from, as its files have them; absent if the files were not read. */
  readonly attachments?: Pick<AttachmentRules, 'folder' | 'roots'>;
  /** Stages what is not there. Idempotent. */
  stage(): Promise<void>;
  /** Removes what was only kept for the staging. */
  close(): void;
}

/** An input whose files have been read and checked. */
interface ScannedSource {
  readonly scan: ScanResult;
  readonly attachments: AttachmentRules;
  /** Reads it once more. */
  open(): AsyncIterable<Uint8Array>;
}

/** Finds a run's input: what is staged of it, or what a scan finds. Fails with `InvalidInput` for another input. */
export async function findSource(staging: Staging): Promise<Source> {
  const { storage, run } = staging;
  const staged = await readStagedManifest(storage, run);
  if (staged !== undefined) return await stagedSource(staged, staging);
  const { scan, attachments, open } = await scanSource(staging);
  return {
    manifest: scan.manifest,
    attachments,
    stage: () => stageInput(storage, run, scan, open),
    close: () => scan.close(),
  };
}

/**
 * Returns a staged input, with what brings back content that was lost since. The manifest stays: what was answered goes by
 * its chunks.
 */
async function stagedSource(staged: Manifest, staging: Staging): Promise<Source> {
  const { storage, run, input } = staging;
  // More files may match a pattern by now: the failed items are those of the input that is staged.
  const hasPattern = input.retryFailed === true && namesOf(input.input).some(isPattern);
  const isStaged = hasPattern && (await hasContent(storage, run, staged));
  const found = isStaged ? undefined : await scanAgain(staged, staging);
  const before = found ?? (await ifThere(readStoredSettings(storage, run)));
  const stage = async (): Promise<void> => {
    if (found === undefined || (await hasContent(storage, run, staged))) return;
    await stageContent(storage, run, found.scan, found.open);
  };
  const close = (): void => found?.scan.close();
  if (before === undefined || input.attachments?.folder !== undefined) return { manifest: staged, stage, close };
  const { folder, roots = [] } = before.attachments;
  return { manifest: staged, stage, close, attachments: { folder, roots } };
}

/** Scans an input that is another object than the staged one, if it is still there. Fails for another content. */
async function scanAgain({ sha256 }: Manifest, staging: Staging): Promise<ScannedSource | undefined> {
  if (staging.input.input === inputKey(sha256)) return undefined;
  const found = await scanSource(staging).catch((error: unknown) => {
    // A run that goes on does not need the file that it was staged from.
    if (error instanceof InputError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  });
  if (found !== undefined && found.scan.manifest.sha256 !== sha256) {
    found.scan.close();
    throw otherInput(staging.run);
  }
  return found;
}

/**
 * Fails unless the run's input is staged, and its attachments may come from no other folders, and its webhooks go to no other
 * address, than it was staged with.
 * Reads nothing that the argument names, and says nothing of what is there.
 */
export async function refuseUnstaged(
  storage: Storage,
  run: string,
  { input, attachments, webhook }: Pick<StoredSettings, 'attachments' | 'webhook'> & Pick<BatchInput, 'input'>,
): Promise<void> {
  const manifest = await readStagedManifest(storage, run);
  const staged = manifest === undefined ? undefined : await ifThere(readStoredSettings(storage, run));
  const isSame = input === staged?.input && webhook === staged.webhook;
  if (isSame && isDeepStrictEqual(attachments, staged.attachments)) return;
  throw invalid(
    `the input, the attachments or the webhook of ${run} are not what a command has stored here, and this worker takes no other runs: ` +
      'give its `batch` command again. A worker that is started with --address, or is your own, reads what runs name',
  );
}

async function scanSource(staging: Staging): Promise<ScannedSource> {
  const { storage, input, options, settings, onBytes } = staging;
  const { roots } = settings.attachments;
  const files = await openInputFiles(namesOf(input.input), { storage });
  const opened = await detectFiles(files, input.read ?? {}, roots);
  const attachments = attachmentsOf(staging, opened);
  const scan = await scanInput({
    ...opened.read(),
    name: opened.plain?.name ?? namesOf(input.input).join(', '),
    attachments,
    model: options.model,
    chunkSize: options.chunkSize,
    skipInvalid: options.skipInvalid,
    groupPrefix: options.groupPrefix,
    api: options.api,
    placed: options,
    unique: (api) => asksOnce({ ...options, api }),
    hashFiles: hasKeysOfFiles(options, input.reuse),
    loadCompile: loadSchemaCompiler,
    spill: { folder: scratchFolder(storage), again: () => opened.read() },
    onProgress: ({ bytes }) => onBytes(bytes),
    signal: Context.current().cancellationSignal,
  });
  // The same files give the same bytes, so that nothing has to be kept in between.
  return { scan, attachments, open: () => opened.read().source };
}

/** Returns where what does not fit into memory is kept: with the data, as the system's folder may be in memory. */
function scratchFolder({ root }: Storage): string {
  return isS3Root(root) ? tmpdir() : root;
}

/** Returns where attachments may come from: the folders of all files, unless the run names one. */
function attachmentsOf({ input, settings }: Staging, { folders }: OpenedFiles): SourceSettings['attachments'] {
  const { attachments } = settings;
  if (input.attachments?.folder !== undefined) return attachments;
  const [folder = NO_FOLDER, ...others] = folders;
  return { ...attachments, folder, roots: [...attachments.roots, ...others] };
}
