import { z } from 'zod';
import type { ModelProgress } from './progress.js';

const count = z.number().int().nonnegative();

const modelProgressSchema: z.ZodType<Omit<ModelProgress, 'tokensPerSecond'>> = z.object({
  id: z.string(),
  modality: z.enum(['text', 'vision', 'audio']),
  nodes: count,
  sent: count.default(0),
  ok: count,
  failed: count,
  fallbacks: count,
  tokens: count,
  down: z.boolean(),
});

/** How a run has ended. */
export const endStateSchema = z.enum(['completed', 'cancelled', 'failed']);
export type EndState = z.infer<typeof endStateSchema>;

/**
 * What a run came to: the workflow's result and `summary.json`, a ledger in which
 * `items = ok + failed + skipped + cancelled`. Counts are of items unless they say otherwise.
 */
export const runSummarySchema = z.object({
  runId: z.string(),
  /** Only `completed` runs have whole results. */
  state: endStateSchema.default('completed'),
  items: count,
  ok: count,
  failed: count,
  /** Invalid input lines, under `skipInvalid`. */
  skipped: count.default(0),
  /** Items without an answer or an error, in a run that did not come to its end. */
  cancelled: count.default(0),
  /** By what stands before the colon of an error: `503`, `timeout`, `invalid`. */
  failedByKind: z.record(z.string(), count),
  /** Answers cut at the token limit; they count as ok. */
  truncated: count,
  /** Answers with nothing in them; each was a failed attempt. */
  empty: count.default(0),
  /** `usage.total_tokens` of good answers, summed. */
  tokens: count,
  /** The same of answers that were of no use: empty, or against the schema. */
  wastedTokens: count.default(0),
  requests: count,
  /** Requests that asked the same model again after a failed attempt. */
  retries: count.default(0),
  /** Credits, by the account's balance before and after; absent where the endpoint does not tell. */
  credits: z
    .object({
      spent: z.number(),
      /** The part of `spent` that answers of no use have cost, by their tokens. */
      wasted: z.number(),
    })
    .optional(),
  /** Times that half, and 95 of 100, of the answers took at most, ms. */
  latency: z.object({ p50Ms: count, p95Ms: count }).optional(),
  /** Items that went to another model after a 503 or a refusal. */
  fallbacks: count,
  /** Epoch ms. */
  startedAt: z.number(),
  endedAt: z.number(),
  models: z.array(modelProgressSchema).readonly(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;
