import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Counts } from '../batch/counts.js';
import { getJson } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import { damaged, type Storage, StorageError } from '../storage/storage.js';

const countsSchema: z.ZodType<Counts> = z.object({
  ok: z.number(),
  failed: z.number(),
  skipped: z.number(),
  truncated: z.number(),
  empty: z.number(),
  tokens: z.number(),
  wastedTokens: z.number(),
  requests: z.number(),
  retries: z.number(),
  failedByKind: z.record(z.string(), z.number()),
  latency: z.record(z.string(), z.number()),
  models: z.record(
    z.string(),
    z.object({ sent: z.number(), ok: z.number(), failed: z.number(), fallbacks: z.number(), tokens: z.number() }),
  ),
});

/** What is kept beside a part: what was counted of its chunk, and what its content is. */
const partRecordSchema = z.object({ counts: countsSchema, bytes: z.number(), sha256: z.string() });

/** A chunk's finished lines, with what was counted of them. */
export interface Part {
  readonly content: Uint8Array;
  readonly counts: Counts;
}

/** Writes a part. Its record comes first: a part without one does not count. */
export async function putPart(storage: Storage, run: string, chunk: number, { content, counts }: Part): Promise<void> {
  const directory = runDirectory(run);
  const record: z.output<typeof partRecordSchema> = { counts, ...contentOf(content) };
  await storage.put(directory.partCounts(chunk), JSON.stringify(record));
  await storage.put(directory.part(chunk), content);
}

/** Reads a part. Throws `NOT_FOUND` when there is none, and `DAMAGED` for one that is not what was written. */
export async function getPart(storage: Storage, run: string, chunk: number): Promise<Part> {
  const directory = runDirectory(run);
  const [content, stored] = await Promise.all([
    storage.get(directory.part(chunk)),
    getJson(storage, directory.partCounts(chunk)),
  ]);
  const record = partRecordSchema.safeParse(stored);
  if (!record.success) throw damaged(storage, directory.partCounts(chunk), 'it does not say what the part is');
  const { counts, ...written } = record.data;
  const { bytes, sha256 } = contentOf(content);
  if (bytes === written.bytes && sha256 === written.sha256) return { content, counts };
  const sizes = bytes === written.bytes ? '' : `: ${bytes} bytes are there, ${written.bytes} were written`;
  throw damaged(storage, directory.part(chunk), `it is not what was written${sizes}`);
}

/** {@link getPart}, or undefined for a chunk that has none: a damaged one counts as none, and `onDamage` is told. */
export async function getPartIfWhole(
  storage: Storage,
  run: string,
  chunk: number,
  onDamage: (message: string) => void = () => undefined,
): Promise<Part | undefined> {
  // Most chunks have none: one look is enough for them.
  if ((await storage.size(runDirectory(run).part(chunk))) === undefined) return undefined;
  try {
    return await getPart(storage, run, chunk);
  } catch (error) {
    if (!(error instanceof StorageError) || !error.isForGood) throw error;
    onDamage(error.message);
    return undefined;
  }
}

function contentOf(content: Uint8Array): { readonly bytes: number; readonly sha256: string } {
  return { bytes: content.byteLength, sha256: createHash('sha256').update(content).digest('hex') };
}
