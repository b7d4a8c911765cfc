import { z } from 'zod';
import { MODALITIES } from './modality.js';
import { countSchema as count, MAX_AMOUNT, timeSchema } from './numbers.js';
import type { AnswerTimes, EndpointProgress, ModelProgress } from './progress.js';

/** Credits: those of a balance at its end, less those at its beginning. */
const credits = z
  .number()
  .min(0)
  .max(2 * MAX_AMOUNT);

/** A cost by prices, US dollars. */
const dollars = z.number().min(0).max(MAX_AMOUNT);

const modelProgressSchema: z.ZodType<Omit<ModelProgress, 'tokensPerSecond'>> = z.object({
  id: z.string(),
  modality: z.enum(MODALITIES),
  nodes: count,
  sent: count.default(0),
  ok: count,
  failed: count,
  fallbacks: count,
  tokens: count,
  endpoint: z.string().optional(),
  costUsd: dollars.optional(),
  down: z.boolean(),
  why: z.string().optional(),
});

const endpointProgressSchema: z.ZodType<EndpointProgress> = z.object({
  name: z.string(),
  sent: count,
  ok: count,
  failed: count,
  fallbacks: count,
  tokens: count,
  costUsd: dollars.optional(),
  down: z.boolean(),
});

/** How a run has ended. */
export type EndState = 'completed' | 'cancelled' | 'failed';
export const endStateSchema = z.enum(['completed', 'cancelled', 'failed']) satisfies z.ZodType<EndState>;

/**
 * What a run came to: the workflow's result and `summary.json`, a ledger in which
 * `items = ok + failed + skipped + cancelled`. Counts are of items unless they say otherwise.
 */
export interface RunSummary {
  /** The run's id: its workflow id. */
  readonly runId: string;
  /** How the run has ended. Only `completed` runs have whole results. */
  readonly state: EndState;
  /** How many items were answered: `none` is no success, however well the run has ended. */
  readonly outcome: 'all' | 'some' | 'none';
  /** All items of the input. */
  readonly items: number;
  /** Items with an answer. */
  readonly ok: number;
  /** Items that ended in an error. */
  readonly failed: number;
  /** Invalid input lines, under `skipInvalid`. */
  readonly skipped: number;
  /** Items without an answer or an error, in a run that did not come to its end. */
  readonly cancelled: number;
  /** Items of `ok` that were not asked: they have the answer of an item that is the same, or of an earlier run. Absent if there is none. */
  readonly reused?: number | undefined;
  /** Failed items by what stands before the colon of their error: `503`, `timeout`, `invalid`. */
  readonly failedByKind: Readonly<Record<string, number>>;
  /** Answers cut at the token limit; they count as ok. */
  readonly truncated: number;
  /** Answers cut by a content filter; they count as ok. Absent if there is none. */
  readonly filtered?: number | undefined;
  /** Answers with nothing in them; each was a failed attempt. */
  readonly empty: number;
  /** `usage.total_tokens` of good answers, summed. */
  readonly tokens: number;
  /** `usage.total_tokens` of answers that were of no use, empty or against the schema, summed. */
  readonly wastedTokens: number;
  /** Tokens of good answers' prompts that came from the endpoint's cache. Absent if there are none, or it does not count them. */
  readonly cachedTokens?: number | undefined;
  /** Requests sent, those that failed included. */
  readonly requests: number;
  /** Requests that asked the same model again after a failed attempt. */
  readonly retries: number;
  /** Credits, by the account's balance before and after; absent if the endpoint has no balance. */
  readonly credits?: SpentCredits | undefined;
  /** What it has cost by the prices of its endpoints, US dollars; absent if nobody has said any. */
  readonly costUsd?: number | undefined;
  /** What was learnt of the targets, in sentences. */
  readonly notes?: readonly string[] | undefined;
  /** Times within which half, and 95 of 100, of the answers came (ms). */
  readonly latency?: AnswerTimes | undefined;
  /** Items that went to another model after a 503 or a refusal. */
  readonly fallbacks: number;
  /** When the run started (epoch ms). */
  readonly startedAt: number;
  /** When the run ended (epoch ms). */
  readonly endedAt: number;
  /** What each model has done. */
  readonly models: readonly ModelProgress[];
  /** What each endpoint has done; absent in a run with one. */
  readonly endpoints?: readonly EndpointProgress[] | undefined;
}

/** Credits that a run has spent. */
export interface SpentCredits {
  /** All of them. */
  readonly spent: number;
  /** The part of `spent` that answers of no use have cost, by their tokens. */
  readonly wasted: number;
}

export const runSummarySchema = z.object({
  runId: z.string(),
  state: endStateSchema.default('completed'),
  outcome: z.enum(['all', 'some', 'none']),
  items: count,
  ok: count,
  failed: count,
  skipped: count.default(0),
  cancelled: count.default(0),
  reused: count.optional(),
  failedByKind: z.record(z.string(), count),
  truncated: count,
  filtered: count.optional(),
  empty: count.default(0),
  tokens: count,
  wastedTokens: count.default(0),
  cachedTokens: count.optional(),
  requests: count,
  retries: count.default(0),
  credits: z.object({ spent: credits, wasted: credits }).optional(),
  costUsd: dollars.optional(),
  notes: z.array(z.string()).readonly().optional(),
  latency: z.object({ p50Ms: count, p95Ms: count }).optional(),
  fallbacks: count,
  startedAt: timeSchema,
  endedAt: timeSchema,
  models: z.array(modelProgressSchema).readonly(),
  endpoints: z.array(endpointProgressSchema).readonly().optional(),
}) satisfies z.ZodType<RunSummary>;
