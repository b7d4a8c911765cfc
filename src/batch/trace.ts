/** Header of workflows and activities that carries a trace, under the name that Temporal's own interceptors use. */
export const TRACE_HEADER = '_tracer-data';

/** Header of a workflow that continued as new: when its execution chain began, epoch ms. */
export const STARTED_HEADER = 'dria-temporal-started';

/** Name of the sink that hears of workflows that have ended. */
export const TRACE_SINK = 'driaTemporalTrace';

/** Says in a carrier that nobody has decided yet whether the trace is sampled. */
const UNDECIDED = 'dria-temporal-undecided';

/** A trace, and the span in it that what comes below belongs to, as W3C Trace Context writes them. */
export interface TraceCarrier {
  /** `00-<trace id>-<span id>-<flags>`, in hexadecimal. */
  readonly traceparent: string;
  readonly tracestate?: string;
  readonly [UNDECIDED]?: '1';
}

/** The span that a carrier names. */
export interface TracePlace {
  readonly traceId: string;
  readonly spanId: string;
  readonly flags: number;
  readonly tracestate?: string;
  /**
   * The trace began with a run, and workflow code knows no sampler: each worker's own decides, by the trace's id and so
   * all alike.
   */
  readonly undecided: boolean;
}

/** A run or a chunk that has ended, as the workflow tells it. */
export interface EndedWorkflow {
  /** What it was started with. */
  readonly carrier?: TraceCarrier;
  /** Of the whole execution chain, epoch ms of workflow time. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Type of the failure that ended it; `Cancelled` when it was cancelled. */
  readonly failure?: string;
  /** What it returned. */
  readonly result?: unknown;
}

/** The sink, as workflow code calls it. */
export type TraceSinks = { [TRACE_SINK]: { ended(workflow: EndedWorkflow): void } };

/** The id of the trace that begins with an execution chain: its first run id, which is as long and as unique. */
export function traceIdOf(firstRunId: string): string {
  return firstRunId.replaceAll('-', '');
}

/**
 * The id of an execution chain's own span: the end of its first run id, which is random. Every worker that replays the
 * chain comes to the same, so that no span is there twice.
 */
export function spanIdOf(firstRunId: string): string {
  return traceIdOf(firstRunId).slice(16);
}

/** Reads a header's value; undefined for anything that is no carrier. */
export function parseCarrier(value: unknown): TraceCarrier | undefined {
  if (typeof value !== 'object' || value === null || !('traceparent' in value)) return undefined;
  const { traceparent } = value;
  if (typeof traceparent !== 'string' || !TRACEPARENT.test(traceparent)) return undefined;
  return {
    traceparent,
    ...('tracestate' in value && typeof value.tracestate === 'string' ? { tracestate: value.tracestate } : {}),
    ...(UNDECIDED in value ? { [UNDECIDED]: '1' } : {}),
  };
}

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})/;

/** The span that a carrier names. */
export function placeOf({ traceparent, tracestate, [UNDECIDED]: undecided }: TraceCarrier): TracePlace | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  const state = tracestate === undefined ? {} : { tracestate };
  return { traceId, spanId, flags: Number.parseInt(flags, 16), undecided: undecided !== undefined, ...state };
}

/**
 * What an execution chain gives to what it starts: its own span, in the trace it was started in, else in one that begins
 * with it.
 */
export function carrierBelow(firstRunId: string, carrier: TraceCarrier | undefined): TraceCarrier {
  const above = carrier === undefined ? undefined : placeOf(carrier);
  if (carrier === undefined || above === undefined) {
    return { traceparent: `00-${traceIdOf(firstRunId)}-${spanIdOf(firstRunId)}-01`, [UNDECIDED]: '1' };
  }
  const flags = above.flags.toString(16).padStart(2, '0');
  return { ...carrier, traceparent: `00-${above.traceId}-${spanIdOf(firstRunId)}-${flags}` };
}
