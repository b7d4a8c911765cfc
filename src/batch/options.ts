import { z } from 'zod';
import { LIMITS, type Limit, MAX_CANARY } from './limits.js';

/** Items of a chunk at most: all of them may fail, and their errors travel in one payload of 2 MB at most. */
const MAX_CHUNK_SIZE = 2000;

/** Items of a chunk where there are few lanes. */
const LEAST_CHUNK_SIZE = 500;

/** Items a lane gets in one chunk: fewer, and lanes would spend their time moving from chunk to chunk. */
const ITEMS_PER_LANE = 40;

/** A JSON Schema object. */
export type JsonSchema = { readonly [key: string]: unknown };

function limited({ least, most, whole }: Limit): z.ZodNumber {
  return (whole ? z.int() : z.number()).min(least).max(most);
}

/**
 * How a batch is run: the options of `batch`, with its names in camelCase and its defaults. What comes from outside is
 * parsed with this schema; unknown fields are refused, so that a misspelt one is seen.
 */
export const batchOptionsSchema = z.strictObject({
  /** The only model to ask. Without it, models are chosen from the endpoint's list. */
  model: z.string().min(1).optional(),
  /** Lanes: requests in flight at most, on all workers together. */
  concurrency: limited(LIMITS.concurrency).default(10),
  /** Further attempts for an item after its first. */
  retries: limited(LIMITS.retries).default(3),
  /** Tokens of an answer at most. */
  maxTokens: limited(LIMITS.maxTokens).default(2048),
  temperature: limited(LIMITS.temperature).default(0.7),
  /** Time for one answer, seconds. */
  timeoutSecs: limited(LIMITS.timeoutSecs).default(120),
  /** JSON Schema that every answer must satisfy. */
  schema: z.record(z.string(), z.unknown()).optional(),
  /** Items in a pack; without it sizes are chosen as the run goes. 1 makes every item an activity of its own. */
  pack: z.int().min(1).max(1000).optional(),
  /** Write an error line for an invalid input line, instead of refusing the input. */
  skipInvalid: z.boolean().default(false),
  /** Write prompt_tokens, finish_reason, attempts and the rest of the facts into every output line. */
  detail: z.boolean().default(false),
  /** Tokens of the whole run at most, of prompts and answers; at the limit it pauses. */
  maxTotalTokens: limited(LIMITS.maxTotalTokens).optional(),
  /** Credits of the whole run at most, by the account's balance; at the limit it pauses. */
  maxCredits: limited(LIMITS.maxCredits).optional(),
  /** Ask so many items first, spread over the input, and then wait until somebody resumes the run. */
  canary: z.int().min(1).max(MAX_CANARY).optional(),
  /** Items in a chunk. Without it, as many as suit the concurrency: see {@link chunkSizeFor}. */
  chunkSize: z.int().min(1).max(MAX_CHUNK_SIZE).optional(),
});

/** Options with every default filled in. */
export type BatchOptions = z.output<typeof batchOptionsSchema>;

/** Options as a caller gives them. */
export type BatchOptionsInput = z.input<typeof batchOptionsSchema>;

/** Items in a chunk of a run with these options: 500, and with more than a few lanes more, up to 2,000. */
export function chunkSizeFor({ chunkSize, concurrency }: Pick<BatchOptions, 'chunkSize' | 'concurrency'>): number {
  return chunkSize ?? Math.min(Math.max(ITEMS_PER_LANE * concurrency, LEAST_CHUNK_SIZE), MAX_CHUNK_SIZE);
}
