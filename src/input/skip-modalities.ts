import { decodeModels } from '../batch/chunk-models.js';
import { decodeLayout, isReused, type LayoutCode, modalityOf } from '../batch/layout.js';
import type { Manifest } from '../batch/manifest.js';
import { countOf, MODALITIES, type Modality } from '../batch/modality.js';
import { recodeManifest } from '../batch/recode-manifest.js';
import { describeProblem, InvalidInputError, LISTED_PROBLEMS } from './errors.js';
import { readOffsets } from './offsets.js';
import { type ReadRange, readItems } from './read-items.js';
import type { InvalidItem, ScanResult } from './scan.js';

/** Why items cannot be answered. */
export interface Unserved {
  /** By modality, of the items that name no model; a modality that can be answered is not in it. */
  readonly modalities: ReadonlyMap<Modality, string>;
  /** By the model that items name; a model that can be asked is not in it. */
  readonly models: ReadonlyMap<string, string>;
}

/** An item that nobody can answer. */
interface UnservedItem {
  readonly item: number;
  readonly field: 'attachment' | 'model';
  readonly message: string;
}

/** Returns the error that names the lines of a scanned input that nobody can answer; undefined when there are none. */
export function unservedLines(name: string, scan: ScanResult, unserved: Unserved): InvalidInputError | undefined {
  const items = unservedItems(scan.manifest, unserved);
  if (items.length === 0) return undefined;
  const listed = items.slice(0, LISTED_PROBLEMS);
  const lines = readOffsets(
    scan.offsets,
    listed.map(({ item }) => item),
  );
  const problems = lines
    .map(({ line }, at) => ({ line, field: listed[at]?.field ?? '', message: listed[at]?.message ?? '' }))
    .map((problem) => scan.places?.locate(problem) ?? problem);
  return new InvalidInputError(name, problems, items.length);
}

/** Returns the scan with an error line for each item that nobody can answer, as for an invalid line. */
export async function skipUnserved(scan: ScanResult, unserved: Unserved, readRange: ReadRange): Promise<ScanResult> {
  const items = unservedItems(scan.manifest, unserved);
  if (items.length === 0) return scan;
  const problems = new Map(items.map((unservedItem) => [unservedItem.item, unservedItem]));
  const offsets = readOffsets(scan.offsets, [...problems.keys()]);
  const skipped: InvalidItem[] = [];
  for await (const { item, line, id } of readItems(readRange, offsets)) {
    const { field = '', message = '' } = problems.get(item) ?? {};
    skipped.push({ item, line, id, error: `invalid: ${describeProblem({ field, message })}` });
  }
  const invalid = [...scan.invalid, ...skipped].sort((a, b) => a.item - b.item);
  return { ...scan, invalid, manifest: withoutItems(scan.manifest, new Set(problems.keys()), unserved) };
}

function unservedItems({ chunks, modalities }: Manifest, unserved: Unserved): UnservedItem[] {
  const isUnserved = (modality: Modality): boolean =>
    countOf(modalities, modality) > 0 && unserved.modalities.has(modality);
  if (unserved.models.size === 0 && !MODALITIES.some(isUnserved)) return [];
  return chunks.flatMap((chunk) => {
    const models = chunk.models === undefined ? [] : decodeModels(chunk.models);
    return decodeLayout(chunk.layout).flatMap((code, at): UnservedItem[] => {
      const modality = modalityToServe(code);
      if (modality === undefined) return [];
      const model = models[at];
      const field = model === undefined ? 'attachment' : 'model';
      const message = model === undefined ? unserved.modalities.get(modality) : unserved.models.get(model);
      return message === undefined ? [] : [{ item: chunk.first + at, field, message }];
    });
  });
}

function withoutItems(manifest: Manifest, items: ReadonlySet<number>, unserved: Unserved): Manifest {
  const recoded = recodeManifest(manifest, (item, code) => (items.has(item) ? 'invalid' : code));
  const { models } = manifest;
  if (models === undefined) return recoded;
  return { ...recoded, models: models.filter((model) => !unserved.models.has(model)) };
}

/** Returns the modality that an item needs an answer for: its own, or that of the item that is the same. */
function modalityToServe(code: LayoutCode): Modality | undefined {
  return isReused(code) ? undefined : modalityOf(code);
}
