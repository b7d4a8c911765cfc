import { z } from 'zod';
import type { ModelProgress } from './progress.js';

const count = z.number().int().nonnegative();

const modelProgressSchema: z.ZodType<ModelProgress> = z.object({
  id: z.string(),
  modality: z.enum(['text', 'vision', 'audio']),
  nodes: count,
  ok: count,
  failed: count,
  fallbacks: count,
  tokens: count,
  down: z.boolean(),
});

/** What a finished run came to: the workflow's result and `summary.json`. Counts are of items unless they say otherwise. */
export const runSummarySchema = z.object({
  runId: z.string(),
  items: count,
  ok: count,
  failed: count,
  /** By what stands before the colon of an error: `503`, `timeout`, `invalid`. */
  failedByKind: z.record(z.string(), count),
  /** Answers cut at the token limit; they count as ok. */
  truncated: count,
  /** `usage.total_tokens`, summed. */
  tokens: count,
  requests: count,
  /** Items that went to another model after a 503 or a refusal. */
  fallbacks: count,
  /** Epoch ms. */
  startedAt: z.number(),
  endedAt: z.number(),
  models: z.array(modelProgressSchema).readonly(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;
