import { z } from 'zod';

/**
 * One chunk of the input. `layout` says what its items are, run-length encoded in input order:
 * `t` text, `v` vision, `a` audio, `x` an invalid line that was skipped; `t3v1x2` is six items.
 */
export const chunkManifestSchema = z.object({
  /** 0-based number of the chunk in the run. */
  chunk: z.number().int().nonnegative(),
  /** Index of the chunk's first item in the run. */
  first: z.number().int().nonnegative(),
  layout: z.string(),
});
export type ChunkManifest = z.infer<typeof chunkManifestSchema>;

const count = z.number().int().nonnegative();

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
  /** Items by modality, invalid ones left out. */
  modalities: z.object({ text: count, vision: count, audio: count }),
  /** Invalid lines, only under `skipInvalid`. */
  invalid: count,
  /** Items a chunk, the last one excepted. */
  chunkSize: z.number().int().positive(),
  chunks: z.array(chunkManifestSchema),
});
export type Manifest = z.infer<typeof manifestSchema>;
