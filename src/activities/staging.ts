import { isAbsolute } from 'node:path';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { z } from 'zod';
import type { Manifest } from '../batch/manifest.js';
import { type BatchOptions, chunkSizeFor } from '../batch/options.js';
import type { batchInputSchema } from '../batch/run.js';
import { InputError } from '../input/errors.js';
import { openInput } from '../input/open.js';
import { type ScanResult, scanInput } from '../input/scan.js';
import { hasContent, readStagedManifest, stageContent, stageInput } from '../input/stage.js';
import { inputKey, runDirectory } from '../storage/run-directory.js';
import { type Storage, StorageError } from '../storage/storage.js';
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

/**
 * What is staged of a run's input; stages it when nothing is. Fails with `InvalidInput` for a run directory that holds
 * another run of the id: its answers would get mixed with this one's. Idempotent.
 */
export async function stagedOrStage(staging: Staging): Promise<Manifest> {
  const { storage, run, input } = staging;
  const staged = await readStagedManifest(storage, run);
  if (staged !== undefined) {
    const found = await refuseOtherRun(staged, staging);
    if (found !== undefined && !(await hasContent(storage, run, staged))) await stageAgain(found, staging);
    return staged;
  }
  const scan = await scanSource(staging);
  const source = await openSource(storage, input.input);
  await stageInput(storage, run, scan, () => source);
  return scan.manifest;
}

/** Brings back content that was lost since it was staged. The manifest stays: what was answered goes by its chunks. */
async function stageAgain(scan: ScanResult, { storage, run, input }: Staging): Promise<void> {
  const source = await openSource(storage, input.input);
  await stageContent(storage, run, scan, () => source);
}

/**
 * Fails unless what is staged is this input, and what was answered of it is wanted. Returns what a look at the input
 * found, where it is another object than the staged one and still there.
 */
async function refuseOtherRun({ sha256 }: Manifest, staging: Staging): Promise<ScanResult | undefined> {
  const { storage, run, input } = staging;
  const { prefix } = runDirectory(run);
  if (input.recover !== true) {
    const answers = await Promise.all([storage.list(`${prefix}chunks/`), storage.list(`${prefix}parts/`)]);
    if (answers.flat().length > 0) throw invalid(`${run} has answers of an earlier run: give recover, or another id`);
  }
  if (input.input === inputKey(sha256)) return undefined;
  const found = await scanSource(staging).catch((error: unknown) => {
    // A run that goes on does not need the file that it was staged from.
    if (error instanceof InputError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  });
  if (found !== undefined && found.manifest.sha256 !== sha256) {
    throw invalid(`${run} belongs to a run of another input: give another id`);
  }
  return found;
}

/** The failure for what a caller must give otherwise. */
export function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'InvalidInput');
}

async function scanSource({ storage, input: { input }, options, settings, onBytes }: Staging): Promise<ScanResult> {
  return await scanInput({
    source: await openSource(storage, input),
    name: input,
    attachments: settings.attachments,
    chunkSize: chunkSizeFor(options),
    skipInvalid: options.skipInvalid,
    onProgress: ({ bytes }) => onBytes(bytes),
    signal: Context.current().cancellationSignal,
  });
}

/** Opens the input: a path that this worker can read, or a key. Waiting brings neither where it is not. */
async function openSource(storage: Storage, input: string): Promise<AsyncIterable<Uint8Array>> {
  if (isAbsolute(input)) return (await openInput(input)).source;
  try {
    return await storage.stream(input);
  } catch (error) {
    if (!(error instanceof StorageError) || (error.code !== 'NOT_FOUND' && error.code !== 'DENIED')) throw error;
    throw new InputError(error.code, input, error.message, { cause: error });
  }
}
