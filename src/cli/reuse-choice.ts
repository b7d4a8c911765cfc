import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Manifest } from '../batch/manifest.js';
import { withMergedChunks } from '../batch/merge-chunks.js';
import { asksOnce, type BatchOptions } from '../batch/options.js';
import type { BatchInput } from '../batch/run.js';
import { KEY_RECORD_BYTES, KeyRecords } from '../input/item-keys.js';
import type { Storage } from '../storage/storage.js';
import { questionOf } from '../store/owner.js';
import { findReuseSource, LAST, planReuse, type ReuseSource } from '../store/reuse.js';
import { runDirectory } from '../store/run-directory.js';
import { runOfResults } from '../store/run-index.js';
import { UserError } from './errors.js';
import type { ScannedFile } from './scan-file.js';

/** Where a command takes answers from. */
export interface ReuseChoice {
  /** The id of a run, or `last`; absent if nothing is to be taken, or nothing can be. */
  readonly from?: string | undefined;
  /** Absolute path of the input, by which `last` finds its runs; absent for standard input. */
  readonly origin?: string | undefined;
  /** Why nothing can be taken. It matters only to a run that is yet to start. */
  readonly problem?: UserError;
}

/**
 * Finds out which run `--reuse` means: by its id, or by its results, which are known by their content. Throws a `UserError` for
 * `last` without a path.
 */
export async function reuseChoice(
  inputs: readonly string[],
  wanted: string | undefined,
  storage: Storage,
): Promise<ReuseChoice> {
  const origin = inputs.includes('-') ? undefined : inputs.map(originOf).join(', ');
  if (wanted === undefined) return { origin };
  if (wanted === LAST) {
    if (origin !== undefined) return { from: LAST, origin };
    throw new UserError('--reuse last: standard input has no path by which its last run could be found', {
      exitCode: 2,
      hint: 'Give the id of a run instead: dria-temporal runs',
    });
  }
  if ((await storage.size(runDirectory(wanted).manifest)) !== undefined) return { from: wanted, origin };
  if (!(await isFile(wanted))) return { origin, problem: unknownRun(wanted, storage) };
  const run = await runOfResults(storage, await hashOf(wanted));
  return run === undefined ? { origin, problem: unknownResults(wanted, storage) } : { from: run, origin };
}

/** Returns the absolute path of an input, or pattern; objects of a bucket have their names. */
function originOf(input: string): string {
  return input.startsWith('s3://') ? input : resolve(input);
}

/** Returns the fields of a run's input that say where it takes answers from. */
export function reuseInput({ from, origin }: ReuseChoice): Pick<BatchInput, 'origin' | 'reuse'> {
  return { ...(from === undefined ? {} : { reuse: from }), ...(origin === undefined ? {} : { origin }) };
}

/** What a look at an earlier run needs of a request. */
interface Reusing {
  readonly options: BatchOptions;
  readonly endpoint: string;
  readonly storage: Storage;
  readonly reuse: ReuseChoice;
}

/**
 * Throws a `UserError` if the run that a person has named has no answers for this request. That the last one has none is no
 * error: then all is asked, and the run says so.
 */
export async function refuseWithoutSource(run: string, scanned: ScannedFile, request: Reusing): Promise<void> {
  if (request.reuse.from !== LAST) await wantedSource(run, scanned, request);
}

/** Returns the run that is wanted, or why there is none; undefined without the wish. Throws a `UserError` as {@link refuseWithoutSource} does. */
async function wantedSource(run: string, scanned: ScannedFile, request: Reusing): Promise<ReuseSource | undefined> {
  const { from, problem } = request.reuse;
  if (problem !== undefined) throw problem;
  if (from === undefined) return undefined;
  const source = await sourceOf(run, scanned, request, from);
  if (from === LAST || !('refusal' in source)) return source;
  throw new UserError(`--reuse: ${source.refusal}`, {
    exitCode: 2,
    hint: 'Leave --reuse out to ask all items, or give what that run was asked with.',
  });
}

/** What a run would take from an earlier one. */
export interface PlannedReuse {
  /** The manifest, with the items that would not be asked. */
  readonly manifest: Manifest;
  /** The run whose answers would be taken, or why there is none; absent without the wish. */
  readonly source?: ReuseSource;
}

/** Finds out what a run would take from an earlier one. Writes nothing. Throws a `UserError` as {@link refuseWithoutSource} does. */
export async function plannedReuse(
  run: string,
  scanned: ScannedFile,
  request: Reusing & { readonly interrupt: AbortSignal },
  onWarn: (message: string) => void,
): Promise<PlannedReuse> {
  const { manifest, keys } = scanned.scan;
  const source = await wantedSource(run, scanned, request);
  if (source === undefined) return { manifest };
  if ('refusal' in source) return { manifest, source };
  const records = keys.read(0, manifest.items * KEY_RECORD_BYTES);
  const plan = await planReuse(request.storage, source, {
    items: manifest.items,
    keys: new KeyRecords(Buffer.from(records.buffer, records.byteOffset, records.byteLength)),
    unique: asksOnce(request.options),
    onWarn,
    signal: request.interrupt,
  });
  return { manifest: withMergedChunks(plan.apply(manifest)), source };
}

async function sourceOf(
  run: string,
  { scan, folder }: ScannedFile,
  { options, endpoint, storage, reuse: { origin = '' } }: Reusing,
  from: string,
): Promise<ReuseSource> {
  const question = questionOf({ sha256: scan.manifest.sha256, endpoint, options, folder });
  // Whoever may read the storage may see what is in it; the worker looks at whose it is.
  const wish = { run, from, origin, question, mayTake: () => true };
  return await findReuseSource(storage, wish, () => undefined);
}

function unknownRun(wanted: string, { root }: Storage): UserError {
  return new UserError(`--reuse ${wanted}: ${root} has no run with this id, and there is no file with this name`, {
    exitCode: 2,
    hint: 'See `dria-temporal runs`, or give `last`, the newest run of this input.',
  });
}

function unknownResults(wanted: string, { root }: Storage): UserError {
  return new UserError(`--reuse ${wanted}: it is not the whole output of a run that ${root} has`, {
    exitCode: 2,
    hint: 'A file is known by its content: JSONL as it was written. Give the id of its run instead: dria-temporal runs',
  });
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const piece of createReadStream(path)) hash.update(piece);
  } catch (error) {
    throw new UserError(`--reuse ${path}: it cannot be read`, { exitCode: 2, cause: error });
  }
  return hash.digest('hex');
}
