import type { Manifest } from '../batch/manifest.js';
import { asksOnce, type BatchOptions } from '../batch/options.js';
import type { Storage } from '../storage/storage.js';
import { readKeys } from '../store/item-records.js';
import { putManifest, readStagedManifest } from '../store/manifest.js';
import type { ItemPlaces } from '../store/pack-items.js';
import { findReuseSource, lostReuse, planReuse, type ReuseWish, reopenChunks, takeOver } from '../store/reuse.js';
import { invalid } from './failures.js';
import { warn } from './warn.js';

/** What a run that has been staged may take from an earlier one. */
export interface Reusing {
  readonly storage: Storage;
  readonly run: string;
  /** The run has answers of its own. */
  readonly hasOutcomes: boolean;
  /** Absent if nothing is to be taken. */
  readonly wish: ReuseWish | undefined;
  readonly options: BatchOptions;
  readonly places: ItemPlaces;
  readonly signal: AbortSignal;
}

/**
 * Takes over the answers of an earlier run, once, before anything is asked. Returns the staged manifest, in which they are not
 * asked. Of a run that has taken some, it asks again what is lost by now. Idempotent.
 */
export async function reuseAnswers(reusing: Reusing): Promise<Manifest> {
  const { storage, run, hasOutcomes, wish } = reusing;
  const manifest = await readStagedManifest(storage, run);
  if (manifest === undefined) throw invalid(`run ${run} has no manifest`);
  if (manifest.reuse !== undefined) return await withoutLost(storage, run, manifest);
  if (wish === undefined) return manifest;
  const planned = hasOutcomes
    ? { ...manifest, reuse: { notes: [`nothing is taken from ${wish.from}: the run has answers of its own`] } }
    : await takenFrom(reusing, wish, manifest);
  await putManifest(storage, run, planned);
  return planned;
}

async function takenFrom(
  { storage, run, options, places, signal }: Reusing,
  wish: ReuseWish,
  manifest: Manifest,
): Promise<Manifest> {
  const source = await findReuseSource(storage, wish, warn);
  if ('refusal' in source) return { ...manifest, reuse: { notes: [`no answers are reused: ${source.refusal}`] } };
  const lost: string[] = [];
  const onWarn = (message: string): void => {
    warn(message);
    lost.push(message);
  };
  const keys = await readKeys(storage, run, 0, manifest.items);
  const unique = asksOnce(options);
  const plan = await planReuse(storage, source, { items: manifest.items, keys, unique, onWarn, signal });
  const { detail } = options;
  const taken = await takeOver(storage, { run, manifest, source: source.run, plan, places, detail, signal }, onWarn);
  const asked = Object.values(taken.modalities).reduce((sum, count) => sum + count, 0);
  const rest = asked === 1 ? '1 item is asked' : `${asked} items are asked`;
  const note = `${taken.reused} of ${taken.items} answers are taken from ${source.run}; ${rest}`;
  return { ...taken, reuse: { notes: [note, ...lost.slice(0, NOTES)] } };
}

/** Sentences on what is lost of an earlier run that a run notes. */
const NOTES = 3;

async function withoutLost(storage: Storage, run: string, manifest: Manifest): Promise<Manifest> {
  const lost = await lostReuse(storage, run, manifest, warn);
  if (lost.size === 0) return manifest;
  const reopened = reopenChunks(manifest, lost);
  const notes = [
    ...(manifest.reuse?.notes ?? []),
    `${manifest.reused - reopened.reused} answers that were taken from an earlier run are damaged or gone, and asked for again`,
  ];
  const kept = { ...reopened, reuse: { notes } };
  await putManifest(storage, run, kept);
  return kept;
}
