import { z } from 'zod';
import { API_NAMES } from './api.js';
import { MODALITIES, type ModalityCounts } from './modality.js';
import { countSchema as count } from './numbers.js';

/**
 * One chunk of the input. `layout` says what its items are, run-length encoded in input order:
 * `t` text, `v` vision, `a` audio, `d` document, `x` an invalid line that was skipped; `t3v1x2` is six items. Not asked either
 * are `p`, `q`, `r` and `s` (the same as an earlier item) and `T`, `V`, `A` and `D` (answered by an earlier run). All letters,
 * also of items with attachments of several kinds, are in `layout.ts`.
 */
const chunkManifestSchema = z.object({
  /** 0-based number of the chunk in the run. */
  chunk: count,
  /** Index of the chunk's first item in the run. */
  first: count,
  layout: z.string(),
  /** Items, in this chunk or later ones, that get the line of one of this chunk's; absent if there are none. */
  copies: count.optional(),
  /** Models that its items name as targets of their own; absent if none does. */
  models: z.object({ names: z.array(z.string()).readonly(), items: z.string() }).optional(),
});
export type ChunkManifest = z.infer<typeof chunkManifestSchema>;

/** Counts by modality, as they are stored. */
const modalityCountsSchema: z.ZodType<ModalityCounts> = z.object({
  ...Object.fromEntries(MODALITIES.map((modality) => [modality, count.exactOptional()])),
  text: count,
  vision: count,
  audio: count,
});

/** What is known of the input before any inference. Kept in the run directory; the workflow sees it a page at a time. */
export const manifestSchema = z.object({
  /** Format of this object and of the offsets beside it. */
  version: z.literal(1),
  /** SHA-256 of the input's bytes, hex. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Size of the input in bytes. */
  bytes: count,
  /** All items, invalid ones included. */
  items: count,
  /** Items that are asked, by modality. */
  modalities: modalityCountsSchema,
  /** Invalid lines, only under `skipInvalid`. */
  invalid: count,
  /** Lines of the input have columns that are copied into the output. */
  columns: z.literal(true).optional(),
  /** Model that all items name; absent if they name none. */
  model: z.string().optional(),
  /** Models that items name, if they name different ones or not all name one; each is the target of its items. */
  models: z.array(z.string()).readonly().optional(),
  /** What its items are asked by; absent for chats. */
  api: z.enum(API_NAMES).optional(),
  /** Items that are the same as an earlier one and get its line. */
  twins: count,
  /** Items whose answers were taken from an earlier run. */
  reused: count,
  /** What came of the wish to take answers from an earlier run; absent before that was looked for, and without the wish. */
  reuse: z.object({ notes: z.array(z.string()) }).optional(),
  /** Items of a chunk as the input was cut, the last one excepted. Chunks that were joined since have more. */
  chunkSize: z.number().int().positive(),
  chunks: z.array(chunkManifestSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Returns the chunk that an item is in; undefined for an item that is in none. */
export function chunkOf(chunks: readonly ChunkManifest[], item: number): ChunkManifest | undefined {
  let [low, high] = [0, chunks.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((chunks[middle]?.first ?? 0) <= item) low = middle;
    else high = middle - 1;
  }
  const found = chunks[low];
  return found === undefined || item < found.first ? undefined : found;
}
