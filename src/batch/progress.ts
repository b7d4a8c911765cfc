import type { PausedBy } from './batch-state.js';
import type { ItemRanges } from './item-ranges.js';
import type { Modality } from './modality.js';
import type { Rates } from './rates.js';

/** Where a run stands. The last three are final. */
export type RunState =
  | 'starting'
  | 'running'
  | 'waiting'
  | 'paused'
  | 'finishing'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** What one model has done in a run. */
export interface ModelProgress {
  readonly id: string;
  readonly modality: Modality;
  /** Nodes at the last look at the models list; 0 when the list does not have the model. */
  readonly nodes: number;
  /** Requests sent to it, those that failed included. */
  readonly sent: number;
  /** Items answered by this model. */
  readonly ok: number;
  /** Items that ended in an error with this model as the last one asked. */
  readonly failed: number;
  /** Items that this model gave up with a 503 or a refusal, and another model was asked. */
  readonly fallbacks: number;
  /** `usage.total_tokens` of its answers, summed. */
  readonly tokens: number;
  /** Not asked for now, after a 503. */
  readonly down: boolean;
  /** Tokens a second of late; absent until it means something. */
  readonly tokensPerSecond?: number;
}

/** What a run may spend, and has. */
export interface Spending {
  /** `usage.total_tokens` of all answers, good or not. */
  readonly tokens: number;
  readonly maxTotalTokens?: number;
  /** By the account's balance when it was last looked at; absent where the endpoint does not tell. */
  readonly credits?: number;
  readonly maxCredits?: number;
}

/**
 * A run as the query `progress` and the updates give it, by the packs that have ended. The client adds what packs under way
 * have done (`live-progress.ts`). Counts are of items.
 */
export interface Progress {
  readonly state: RunState;
  /** Why the run waits, is paused or failed, in words a person can act on. */
  readonly reason?: string;
  /** Who or what paused it. */
  readonly pausedBy?: PausedBy;
  /** All items of the input, invalid ones included; 0 until the manifest is read. */
  readonly items: number;
  readonly ok: number;
  /** Items that ended in an error. */
  readonly failed: number;
  /** Invalid input lines, under `skipInvalid`. */
  readonly skipped: number;
  /** Answers that were cut at the token limit (`finish_reason: "length"`); they count as ok. */
  readonly truncated: number;
  /** Answers with nothing in them; each was a failed attempt. */
  readonly empty: number;
  /** `usage.total_tokens` of all answers, summed. */
  readonly tokens: number;
  /** Requests sent, those that failed included. */
  readonly requests: number;
  /** Requests that asked the same model again after a failed attempt. */
  readonly retries: number;
  /** Times that half, and 95 of 100, of the answers took at most, ms; absent until there is one. */
  readonly latency?: { readonly p50Ms: number; readonly p95Ms: number };
  /** How fast it goes of late. */
  readonly rates: Rates;
  readonly spending: Spending;
  /** Items that are asked first, and how far that is. */
  readonly canary?: { readonly items: ItemRanges; readonly phase: 'asking' | 'review' | 'passed' };
  readonly chunks: { readonly total: number; readonly started: number; readonly done: number };
  readonly lanes: { readonly total: number; readonly used: number };
  readonly models: readonly ModelProgress[];
  /** When the run started, epoch ms. */
  readonly startedAt: number;
  /** The newest failures, at most 5, newest last. */
  readonly lastFailures: readonly { readonly item: number; readonly model: string; readonly error: string }[];
}
