import { type Context, context, createTraceState, ROOT_CONTEXT, TraceFlags, trace } from '@opentelemetry/api';
import type { Headers } from '@temporalio/common';
import { defaultPayloadConverter } from '@temporalio/common';
import { parseCarrier, placeOf, TRACE_HEADER, type TraceCarrier } from '../batch/trace.js';

/** Whether a trace that begins with a run is sampled. The same for every span of it, on every worker set up alike. */
export type Decide = (traceId: string) => boolean;

/** The context of the span that a carrier names; the root context when it names none. */
export function contextOf(carrier: TraceCarrier | undefined, decide: Decide): Context {
  const place = carrier === undefined ? undefined : placeOf(carrier);
  if (place === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, flags, undecided, tracestate } = place;
  const traceFlags = undecided ? (decide(traceId) ? TraceFlags.SAMPLED : TraceFlags.NONE) : flags & TraceFlags.SAMPLED;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  });
}

/** The parent of an activity's span: the span that is active, by interceptors of somebody else, or that of its headers. */
export function parentOf(headers: Headers, decide: Decide): Context {
  const active = context.active();
  if (trace.getSpan(active) !== undefined) return active;
  const header = headers[TRACE_HEADER];
  return contextOf(
    header === undefined ? undefined : parseCarrier(defaultPayloadConverter.fromPayload(header)),
    decide,
  );
}
