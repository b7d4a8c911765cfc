import { decodeLayout, isReused, isTwin, modalityOf } from '../batch/layout.js';
import type { ChunkManifest, Manifest } from '../batch/manifest.js';
import { mergeChunks } from '../batch/merge-chunks.js';
import { recodeManifest } from '../batch/recode-manifest.js';
import { KeyIndex, type KeyRecords } from '../input/item-keys.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { copyLines, type LineSource } from './copy-lines.js';
import { joinInvalidLines } from './invalid-lines.js';
import { readKeys } from './item-records.js';
import { ifThere } from './json.js';
import { withId, withoutDetails } from './line-edits.js';
import { readStagedManifest } from './manifest.js';
import { itemsOf } from './merge.js';
import type { LinePlace } from './outcome-index.js';
import { errorOf, mapLines } from './output-line.js';
import { asksOtherwise, type Owner, type Question, readOwner } from './owner.js';
import { type ItemPlaces, itemIds } from './pack-items.js';
import { hasPart, readPartFacts, streamPart } from './parts.js';
import { placeOf, putReused, readReused } from './reused-lines.js';
import { runDirectory } from './run-directory.js';
import { runsOfOrigin } from './run-index.js';
import { type OnWarn, readOutcomes } from './segments.js';
import { readStoredSettings } from './settings.js';

/** The wish that stands for the newest run of the same input. */
export const LAST = 'last';

/** Which run's answers are wanted, and for what. */
export interface ReuseWish {
  /** The run that wants them. */
  readonly run: string;
  /** The id of a run, or `last`. */
  readonly from: string;
  /** What `last` finds runs by. */
  readonly origin: string;
  /** What the run asks. */
  readonly question: Question;
  /** Returns true for a run whose answers may be taken. */
  readonly mayTake: (owner: Owner) => boolean;
}

/** A run whose answers can be taken, or why there is none. */
export type ReuseSource = { readonly run: string; readonly manifest: Manifest } | { readonly refusal: string };

/** Finds the run whose answers are wanted. Of several of the same input it is the newest that asks in the same way. */
export async function findReuseSource(storage: Storage, wish: ReuseWish, onWarn: OnWarn): Promise<ReuseSource> {
  if (wish.from !== LAST) return await openSource(storage, wish.from, wish, onWarn);
  let refusal: string | undefined;
  for await (const run of runsOfOrigin(storage, wish.origin)) {
    if (run === wish.run) continue;
    const found = await openSource(storage, run, wish, onWarn);
    if ('run' in found) return found;
    refusal ??= found.refusal;
  }
  return { refusal: refusal ?? `${storage.root} has no earlier run of this input` };
}

async function openSource(
  storage: Storage,
  run: string,
  { run: own, question, mayTake }: ReuseWish,
  onWarn: OnWarn,
): Promise<ReuseSource> {
  if (run === own) return { refusal: `${run} is this run itself` };
  try {
    const [manifest, owner] = await Promise.all([readStagedManifest(storage, run), readOwner(storage, run)]);
    // What is another's is not there.
    if (manifest === undefined || owner === undefined || !mayTake(owner)) {
      return { refusal: `${storage.root} has no answers of a run ${run}` };
    }
    const fields = asksOtherwise(owner.question, question);
    if (fields.length === 0) return { run, manifest };
    const words = fields.map((field) => {
      const name = field.replace('options.', '');
      return `${name} ${owner.question[field] ?? 'none'}, not ${question[field] ?? 'none'}`;
    });
    return { refusal: `${run} was asked otherwise: ${words.join(', ')}` };
  } catch (error) {
    if (!(error instanceof StorageError) || !error.isForGood) throw error;
    onWarn(error.message);
    return { refusal: `${run} cannot be read: ${error.message}` };
  }
}

/** The items of a run whose answers an earlier one has, and where these lie. */
export class ReusePlan {
  /** Keys of objects that have answers. */
  private readonly objects: string[] = [];
  /** For each item the number of its object plus one, 0 if it has no answer. */
  private readonly objectOf: Uint32Array;
  private readonly starts: Float64Array;
  private readonly sizes: Uint32Array;
  private readonly sums: Uint32Array;
  private readonly cut = new Set<number>();
  /** Items that have an answer. */
  count = 0;

  constructor(readonly items: number) {
    this.objectOf = new Uint32Array(items);
    this.starts = new Float64Array(items);
    this.sizes = new Uint32Array(items);
    this.sums = new Uint32Array(items);
  }

  /** Enters the answer of an item. */
  set(item: number, { segment, start, bytes, crc }: LinePlace, truncated: boolean): void {
    if (this.objects.at(-1) !== segment) this.objects.push(segment);
    if (this.objectOf[item] === 0) this.count++;
    this.objectOf[item] = this.objects.length;
    this.starts[item] = start;
    this.sizes[item] = bytes;
    this.sums[item] = crc;
    if (truncated) this.cut.add(item);
  }

  /** Returns where the answer of an item lies; undefined if it has none. */
  place(item: number): LinePlace | undefined {
    const segment = this.objects[(this.objectOf[item] ?? 0) - 1];
    if (segment === undefined) return undefined;
    const [start = 0, bytes = 0, crc = 0] = [this.starts[item], this.sizes[item], this.sums[item]];
    return { segment, start, bytes, crc };
  }

  isCut(item: number): boolean {
    return this.cut.has(item);
  }

  /** Returns the manifest of the run with these items as not asked. */
  apply(manifest: Manifest): Manifest {
    return recodeManifest(manifest, (item, code) => {
      const modality = modalityOf(code);
      return modality === undefined || this.objectOf[item] === 0 ? code : `reused-${modality}`;
    });
  }
}

/** What a plan is made for. */
export interface PlanOptions {
  /** Number of the run's items. */
  readonly items: number;
  readonly keys: KeyRecords;
  /** Items that are the same may have the same answer; else each has one of its own. */
  readonly unique: boolean;
  readonly onWarn: OnWarn;
  /** Ends the planning: it then throws the signal's reason. */
  readonly signal: AbortSignal;
}

/**
 * Finds the items that an earlier run has answered, by their keys. Failures are not taken, nor answers that came after a change
 * of that run's options. Takes about 30 bytes for each item of the run.
 */
export async function planReuse(
  storage: Storage,
  source: { readonly run: string; readonly manifest: Manifest },
  { items, keys, unique, onWarn, signal }: PlanOptions,
): Promise<ReusePlan> {
  const plan = new ReusePlan(items);
  const index = new KeyIndex(keys, items);
  for (const chunk of source.manifest.chunks) {
    signal.throwIfAborted();
    const end = chunk.first + decodeLayout(chunk.layout).length;
    const theirs = await unlessLost(readKeys(storage, source.run, chunk.first, end), source.run, onWarn);
    // Only of a chunk that turns out to be whole.
    const answers = await unlessLost(answersOf(storage, source.run, chunk, onWarn), source.run, onWarn);
    if (theirs === undefined || answers === undefined) continue;
    for (const { item, place, truncated } of answers) {
      for (const own of index.take(theirs, item, unique)) plan.set(own, place, truncated);
    }
  }
  return plan;
}

/** Resolves to undefined for what is damaged or gone; `onWarn` gets the reason. */
async function unlessLost<T>(reading: Promise<T>, run: string, onWarn: OnWarn): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof StorageError) || !error.isForGood) throw error;
    onWarn(`answers of ${run} are lost, and asked for again: ${error.message}`);
    return undefined;
  }
}

interface FoundAnswer {
  readonly item: number;
  readonly place: LinePlace;
  readonly truncated: boolean;
}

/** Returns the answers of a chunk that can be taken, in the order of its items. */
async function answersOf(
  storage: Storage,
  run: string,
  chunk: ChunkManifest,
  onWarn: OnWarn,
): Promise<readonly FoundAnswer[]> {
  if (await hasPart(storage, run, chunk.chunk)) {
    const found = await unlessLost(answersInPart(storage, run, chunk), run, onWarn);
    if (found !== undefined) return found;
  }
  const reused = await ifThere(readReused(storage, run, chunk));
  const index = await readOutcomes(storage, run, chunk.chunk, onWarn);
  const found: FoundAnswer[] = [];
  for (const [item, place] of reused?.places ?? []) {
    found.push({ item, place, truncated: reused?.truncated.has(item) === true });
  }
  for (const { item, place, changed, truncated = false } of index.answers.values()) {
    if (place !== undefined && changed !== true) found.push({ item, place, truncated });
  }
  return found.sort((a, b) => a.item - b.item);
}

async function answersInPart(storage: Storage, run: string, chunk: ChunkManifest): Promise<readonly FoundAnswer[]> {
  const facts = await readPartFacts(storage, run, chunk.chunk);
  const [changed, cut] = [new Set(facts?.changed), new Set(facts?.truncated)];
  const codes = decodeLayout(chunk.layout);
  const segment = runDirectory(run).part(chunk.chunk);
  const found: FoundAnswer[] = [];
  // Without them it is not known which were asked otherwise.
  if (facts === undefined) return found;
  let next = chunk.first;
  const lines = mapLines(streamPart(storage, run, chunk.chunk), (content, start): FoundAnswer | undefined => {
    const item = next++;
    const code = codes[item - chunk.first] ?? 'invalid';
    // A twin's answer is that of its first, which has the same key.
    if (code === 'invalid' || isTwin(code) || changed.has(item) || errorOf(content) !== undefined) return undefined;
    return { item, place: placeOf(segment, content, start), truncated: cut.has(item) };
  });
  for await (const some of lines) found.push(...some);
  return found;
}

/** What taking over the answers of a plan needs. */
export interface TakeOver {
  readonly run: string;
  readonly manifest: Manifest;
  readonly source: string;
  readonly plan: ReusePlan;
  readonly places: ItemPlaces;
  /** The run's output lines have all facts. */
  readonly detail: boolean;
  readonly signal: AbortSignal;
}

/**
 * Copies the answers of a plan into a run's own directory, with its own ids. Returns its manifest, in which they are not asked;
 * it is still to be written. Idempotent. Answers that are lost in the meantime are asked.
 */
export async function takeOver(storage: Storage, take: TakeOver, onWarn: OnWarn): Promise<Manifest> {
  const { run, plan, signal } = take;
  const settings = await ifThere(readStoredSettings(storage, take.source));
  const strips = settings?.detail === true && !take.detail;
  const lost = new Set<number>();
  const manifest = await joinChunks(storage, run, plan.apply(take.manifest));
  for (const chunk of manifest.chunks) {
    signal.throwIfAborted();
    const items = itemsOf(chunk).filter((item) => plan.place(item) !== undefined);
    if (items.length > 0) {
      const truncated = items.filter((item) => plan.isCut(item));
      const lines = copied(storage, items, take, strips);
      const written = putReused(storage, run, chunk.chunk, { lines, truncated }).then(() => true);
      if ((await unlessLost(written, take.source, onWarn)) === undefined) lost.add(chunk.chunk);
    }
  }
  return reopenChunks(manifest, lost);
}

/** Joins chunks that ask few items. Idempotent. */
async function joinChunks(storage: Storage, run: string, manifest: Manifest): Promise<Manifest> {
  const merged = mergeChunks(manifest);
  for (const { chunk, from } of merged) if (from.length > 1) await joinInvalidLines(storage, run, chunk, from);
  return { ...manifest, chunks: merged.map(({ chunk }) => chunk) };
}

async function* copied(
  storage: Storage,
  items: readonly number[],
  { run, plan, places }: TakeOver,
  strips: boolean,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const some of itemIds(storage, run, items, places)) {
    const lines = some.flatMap(({ item, id }): LineSource[] => {
      const place = plan.place(item);
      if (place === undefined) return [];
      return [{ place, rewrite: (line) => withId(strips ? withoutDetails(line) : line, id) }];
    });
    yield* copyLines(storage, lines);
  }
}

/** Returns the chunks whose answers from an earlier run are not, or no longer, what was written. */
export async function lostReuse(
  storage: Storage,
  run: string,
  { chunks }: Manifest,
  onWarn: OnWarn,
): Promise<ReadonlySet<number>> {
  const lost = new Set<number>();
  for (const chunk of chunks) {
    if (!/[TVA]/.test(chunk.layout)) continue;
    try {
      await readReused(storage, run, chunk);
    } catch (error) {
      if (!(error instanceof StorageError) || !error.isForGood) throw error;
      onWarn(error.message);
      lost.add(chunk.chunk);
    }
  }
  return lost;
}

/** Returns a manifest in which items of some chunks are asked after all whose answers were taken from an earlier run. */
export function reopenChunks(manifest: Manifest, lost: ReadonlySet<number>): Manifest {
  if (lost.size === 0) return manifest;
  return recodeManifest(manifest, (_item, code, chunk) => {
    const isLost = isReused(code) && lost.has(chunk);
    return isLost ? (modalityOf(code) ?? code) : code;
  });
}
