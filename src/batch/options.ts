import { z } from 'zod';

/** A JSON Schema object. */
export type JsonSchema = { readonly [key: string]: unknown };

/** Lanes of a run at most. */
export const MAX_CONCURRENCY = 2000;

/**
 * How a batch is run: the options of `batch`, with its names in camelCase and its defaults. What comes from outside is
 * parsed with this schema; unknown fields are refused, so that a misspelt one is seen.
 */
export const batchOptionsSchema = z.strictObject({
  /** The only model to ask. Without it, models are chosen from the endpoint's list. */
  model: z.string().min(1).optional(),
  /** Lanes: requests in flight at most, on all workers together. */
  concurrency: z.int().min(1).max(MAX_CONCURRENCY).default(10),
  /** Further attempts for an item after its first. */
  retries: z.int().min(0).max(100).default(3),
  /** Tokens of an answer at most. */
  maxTokens: z.int().min(1).max(10_000_000).default(2048),
  temperature: z.number().min(0).max(2).default(0.7),
  /** Time for one answer, seconds. */
  timeoutSecs: z.number().positive().max(86_400).default(120),
  /** JSON Schema that every answer must satisfy. */
  schema: z.record(z.string(), z.unknown()).optional(),
  /** Items in a pack; without it sizes are chosen as the run goes. 1 makes every item an activity of its own. */
  pack: z.int().min(1).max(1000).optional(),
  /** Write an error line for an invalid input line, instead of refusing the input. */
  skipInvalid: z.boolean().default(false),
  /** Write prompt_tokens, finish_reason, attempts and the rest of the facts into every output line. */
  detail: z.boolean().default(false),
  /** Items in a chunk. */
  chunkSize: z.int().min(1).max(10_000).default(500),
});

/** Options with every default filled in. */
export type BatchOptions = z.output<typeof batchOptionsSchema>;

/** Options as a caller gives them. */
export type BatchOptionsInput = z.input<typeof batchOptionsSchema>;
