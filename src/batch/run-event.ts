import { z } from 'zod';
import { countSchema } from './numbers.js';
import { PAUSED_BY, type Progress } from './progress.js';
import { type EndState, endStateSchema, type RunSummary, runSummarySchema } from './summary.js';

/** What a run came to, as the type of an event. */
const TYPES = ['run.completed', 'run.paused', 'run.failed', 'run.cancelled'] as const;
export type RunEventType = (typeof TYPES)[number];

/**
 * An end or a pause of a run, as a webhook and `--on-complete` get it: no prompts and no answers. The reason may hold an
 * endpoint's words.
 */
export interface RunEvent {
  /** What happened. */
  readonly type: RunEventType;
  /** When it happened, ISO 8601. */
  readonly timestamp: string;
  /** Where the run stands. */
  readonly data: RunEventData;
}

/** Where a run stands at an event. Counts are of items unless they say otherwise. */
export interface RunEventData {
  /** The run's id: its workflow id. */
  readonly runId: string;
  /** How the run has ended, or that it is paused. */
  readonly state: EndState | 'paused';
  /** How many items were answered; absent if the run has not ended, or ended before it began. */
  readonly outcome?: RunSummary['outcome'] | undefined;
  /** Why it is paused or has failed, in words a person can act on. */
  readonly reason?: string | undefined;
  /** Who or what paused it. */
  readonly pausedBy?: Progress['pausedBy'] | undefined;
  /** All items of the input; 0 if the input was not read. */
  readonly items: number;
  /** Items with an answer. */
  readonly ok: number;
  /** Items that ended in an error. */
  readonly failed: number;
  /** Invalid input lines, under `skipInvalid`. */
  readonly skipped: number;
  /** Items without an answer or an error, in a run that did not come to its end. */
  readonly cancelled: number;
  /** `usage.total_tokens` of good answers, summed. */
  readonly tokens: number;
  /** Storage key of the results, if the run has whole ones. */
  readonly results?: string | undefined;
}

/** An event as it comes from outside. Text is bounded: what is signed was made here. */
export const runEventSchema = z.strictObject({
  type: z.enum(TYPES),
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    runId: z.string().max(1000),
    state: z.enum([...endStateSchema.options, 'paused']),
    outcome: runSummarySchema.shape.outcome.optional(),
    reason: z.string().optional(),
    pausedBy: z.enum(PAUSED_BY).optional(),
    items: countSchema,
    ok: countSchema,
    failed: countSchema,
    skipped: countSchema,
    cancelled: countSchema,
    tokens: countSchema,
    results: z.string().max(2000).optional(),
  }),
}) satisfies z.ZodType<RunEvent>;

/** Returns the event of a pause; `at` is epoch ms. */
export function pausedEvent(runId: string, progress: Progress, at: number): RunEvent {
  const { reason, pausedBy, items, ok, failed, skipped, tokens } = progress;
  const counts = { items, ok, failed, skipped, cancelled: 0, tokens };
  return eventOf('run.paused', at, { runId, state: 'paused', reason, pausedBy, ...counts });
}

/** How a run has ended. */
export interface RunEnd {
  readonly runId: string;
  readonly state: EndState;
  /** Absent if the run ended before it had begun, or its summary is not known here. */
  readonly summary?: RunSummary | undefined;
  readonly reason?: string | undefined;
  readonly results?: string | undefined;
}

/** Returns the event of an end; `at` is epoch ms. */
export function endEvent({ runId, state, summary, reason, results }: RunEnd, at: number): RunEvent {
  const { outcome, items = 0, ok = 0, failed = 0, skipped = 0, cancelled = 0, tokens = 0 } = summary ?? {};
  const counts = { items, ok, failed, skipped, cancelled, tokens };
  return eventOf(`run.${state}`, at, { runId, state, outcome, reason, ...counts, results });
}

/** What is undefined is left out, so that an event is the same on its way through JSON. */
function eventOf(type: RunEventType, at: number, data: RunEventData): RunEvent {
  const { outcome, reason, pausedBy, results, runId, state, ...counts } = data;
  return {
    type,
    timestamp: new Date(at).toISOString(),
    data: {
      runId,
      state,
      ...(outcome === undefined ? {} : { outcome }),
      ...(reason === undefined ? {} : { reason }),
      ...(pausedBy === undefined ? {} : { pausedBy }),
      ...counts,
      ...(results === undefined ? {} : { results }),
    },
  };
}
