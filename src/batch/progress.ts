import type { Modality } from './modality.js';

/** Who or what paused a run: only what has paused it makes it go on by itself. */
export const PAUSED_BY = ['operator', 'credits', 'budget', 'canary', 'refused'] as const;
export type PausedBy = (typeof PAUSED_BY)[number];

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
  /** The model's id; `endpoint/model` if the run has several endpoints. */
  readonly id: string;
  /** What the model takes beside text; `text` if it takes nothing else. */
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
  /** Its endpoint, if the run has several. */
  readonly endpoint?: string | undefined;
  /** What its answers have cost, those of no use included, US dollars; absent if nobody has said its price. */
  readonly costUsd?: number | undefined;
  /** Not asked for now. */
  readonly down: boolean;
  /** The endpoint's words when it was found down. */
  readonly why?: string | undefined;
  /** Tokens a second of late; absent until it means something. */
  readonly tokensPerSecond?: number;
}

/** What one endpoint has done in a run with several; the sums of its models. */
export interface EndpointProgress
  extends Pick<ModelProgress, 'sent' | 'ok' | 'failed' | 'fallbacks' | 'tokens' | 'costUsd'> {
  /** Its name in the worker's file. */
  readonly name: string;
  /** None of its models is asked for now. */
  readonly down: boolean;
}

/** How fast a run goes. A rate is undefined until it means something. */
export interface Rates {
  /** Requests a second of late. */
  readonly requestsPerSecond?: number;
  /** Tokens a second of late. */
  readonly tokensPerSecond?: number;
  /** Time until all items are done at this pace, ms. */
  readonly etaMs?: number;
}

/** What a run may spend, and has. */
export interface Spending {
  /** `usage.total_tokens` of all answers, good or not. */
  readonly tokens: number;
  /** Maximum tokens of the run; absent without a limit. */
  readonly maxTotalTokens?: number;
  /** By the account's balance when it was last looked at; absent where the endpoint does not tell. */
  readonly credits?: number;
  /** Maximum credits of the run; absent without a limit. */
  readonly maxCredits?: number;
  /** By the prices of the run's endpoints, US dollars; absent if nobody has said any. */
  readonly costUsd?: number;
  /** Maximum cost of the run, US dollars; absent without a limit. */
  readonly maxCost?: number;
}

/** A wait for an endpoint. */
export interface EndpointWait {
  /** What is waited for, with the endpoint's own words. */
  readonly text: string;
  /** When it began (epoch ms). */
  readonly since: number;
  /** When it ends without an answer, epoch ms; absent when nothing ends it. */
  readonly until?: number;
}

/**
 * A run as the query `progress` and the updates give it, by the packs that have ended. The client adds what packs under way
 * have done (`live-progress.ts`). Counts are of items.
 */
export interface Progress {
  /** Where the run stands. */
  readonly state: RunState;
  /** Why the run waits, is paused or failed, in words a person can act on. */
  readonly reason?: string;
  /** Who or what paused it. */
  readonly pausedBy?: PausedBy;
  /** Present while no target can be asked. */
  readonly waiting?: EndpointWait;
  /** What was learnt of the targets, in sentences: `qwen: the endpoint refuses timeout_secs; it is left out`. */
  readonly notes?: readonly string[];
  /** All items of the input, invalid ones included; 0 until the manifest is read. */
  readonly items: number;
  /** Items with an answer. */
  readonly ok: number;
  /** Items that ended in an error. */
  readonly failed: number;
  /** Invalid input lines, under `skipInvalid`. */
  readonly skipped: number;
  /** Items of `ok` that were not asked: they have the answer of an item that is the same, or of an earlier run. Absent if there is none. */
  readonly reused?: number;
  /** Answers that were cut at the token limit (`finish_reason: "length"`); they count as ok. */
  readonly truncated: number;
  /** Answers that a content filter has cut; they count as ok. Absent if there is none. */
  readonly filtered?: number;
  /** Answers with nothing in them; each was a failed attempt. */
  readonly empty: number;
  /** `usage.total_tokens` of all answers, summed. */
  readonly tokens: number;
  /** Tokens of prompts that came from the endpoint's cache. Absent if there are none, or it does not count them. */
  readonly cachedTokens?: number;
  /** Requests sent, those that failed included. */
  readonly requests: number;
  /** Requests that asked the same model again after a failed attempt. */
  readonly retries: number;
  /** How long answers took; absent until there is one. */
  readonly latency?: AnswerTimes;
  /** How fast it goes of late. */
  readonly rates: Rates;
  /** What the run has spent, and may. */
  readonly spending: Spending;
  /** Items that are asked first, and how far that is. */
  readonly canary?: CanaryProgress;
  /** Chunks of the input, how many have started, and how many are done. */
  readonly chunks: { readonly total: number; readonly started: number; readonly done: number };
  /** Permits of the run, and how many are in use. */
  readonly permits: { readonly total: number; readonly used: number };
  /** What each model has done. */
  readonly models: readonly ModelProgress[];
  /** What each endpoint has done; absent in a run with one. */
  readonly endpoints?: readonly EndpointProgress[] | undefined;
  /** When the run started, epoch ms. */
  readonly startedAt: number;
  /** The newest failures, at most 5, newest last. */
  readonly lastFailures: readonly LastFailure[];
}

/** Times within which answers came. */
export interface AnswerTimes {
  /** Half of the answers took no longer (ms). */
  readonly p50Ms: number;
  /** 95 of 100 answers took no longer (ms). */
  readonly p95Ms: number;
}

/** The items that a run asks first. */
export interface CanaryProgress {
  /** Their indices as ranges: `0,340-351`. */
  readonly items: string;
  /** `review`: the run waits until somebody resumes it. */
  readonly phase: 'asking' | 'review' | 'passed';
}

/** An item that ended in an error. */
export interface LastFailure {
  /** The item's index, 0-based. */
  readonly item: number;
  /** The last model asked; empty if there was none. */
  readonly model: string;
  /** `<status or kind>: <message>`. */
  readonly error: string;
}
