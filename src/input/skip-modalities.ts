import { decodeLayout, isReused, type LayoutCode, modalityOf } from '../batch/layout.js';
import type { Manifest } from '../batch/manifest.js';
import { MODALITIES, type Modality } from '../batch/modality.js';
import { recodeManifest } from '../batch/recode-manifest.js';
import { describeProblem, InvalidInputError, LISTED_PROBLEMS } from './errors.js';
import { readOffsets } from './offsets.js';
import { type ReadRange, readItems } from './read-items.js';
import type { InvalidItem, ScanResult } from './scan.js';

/** Why the items of a modality cannot be answered, by modality; a modality that can be is not in it. */
export type UnservedModalities = ReadonlyMap<Modality, string>;

/** An item that nobody can answer. */
interface UnservedItem {
  readonly item: number;
  readonly message: string;
}

/** Returns the error that names the lines of a scanned input that nobody can answer; undefined when there are none. */
export function unservedLines(
  name: string,
  scan: ScanResult,
  unserved: UnservedModalities,
): InvalidInputError | undefined {
  const items = unservedItems(scan.manifest, unserved);
  if (items.length === 0) return undefined;
  const listed = items.slice(0, LISTED_PROBLEMS);
  const lines = readOffsets(
    scan.offsets,
    listed.map(({ item }) => item),
  );
  const problems = lines
    .map(({ line }, at) => ({ line, field: 'attachment', message: listed[at]?.message ?? '' }))
    .map((problem) => scan.places?.locate(problem) ?? problem);
  return new InvalidInputError(name, problems, items.length);
}

/** Returns the scan with an error line for each item that nobody can answer, as for an invalid line. */
export async function skipUnserved(
  scan: ScanResult,
  unserved: UnservedModalities,
  readRange: ReadRange,
): Promise<ScanResult> {
  const items = unservedItems(scan.manifest, unserved);
  if (items.length === 0) return scan;
  const messages = new Map(items.map(({ item, message }) => [item, message]));
  const offsets = readOffsets(scan.offsets, [...messages.keys()]);
  const skipped: InvalidItem[] = [];
  for await (const { item, line, id } of readItems(readRange, offsets)) {
    const problem = { field: 'attachment', message: messages.get(item) ?? '' };
    skipped.push({ item, line, id, error: `invalid: ${describeProblem(problem)}` });
  }
  const invalid = [...scan.invalid, ...skipped].sort((a, b) => a.item - b.item);
  return { ...scan, invalid, manifest: withoutModalities(scan.manifest, unserved) };
}

function unservedItems({ chunks, modalities }: Manifest, unserved: UnservedModalities): UnservedItem[] {
  if (!MODALITIES.some((modality) => modalities[modality] > 0 && unserved.has(modality))) return [];
  return chunks.flatMap(({ first, layout }) =>
    decodeLayout(layout).flatMap((code, at) => {
      const modality = modalityToServe(code);
      const message = modality === undefined ? undefined : unserved.get(modality);
      return message === undefined ? [] : [{ item: first + at, message }];
    }),
  );
}

function withoutModalities(manifest: Manifest, unserved: UnservedModalities): Manifest {
  return recodeManifest(manifest, (_, code) => {
    const modality = modalityToServe(code);
    return modality !== undefined && unserved.has(modality) ? 'invalid' : code;
  });
}

/** Returns the modality that an item needs an answer for: its own, or that of the item that is the same. */
function modalityToServe(code: LayoutCode): Modality | undefined {
  return isReused(code) ? undefined : modalityOf(code);
}
