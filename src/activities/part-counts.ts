import { z } from 'zod';
import type { Counts } from '../batch/counts.js';
import { getJson } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

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

/** What was counted of a chunk whose part is written. Throws a `StorageError` `NOT_FOUND` when there is nothing. */
export async function readPartCounts(storage: Storage, run: string, chunk: number): Promise<Counts> {
  return countsSchema.parse(await getJson(storage, runDirectory(run).partCounts(chunk)));
}
