import { type Attributes, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { InjectedSinks } from '@temporalio/worker';
import type { WorkflowInfo } from '@temporalio/workflow';
import { z } from 'zod';
import { type EndedWorkflow, placeOf, spanIdOf, TRACE_SINK, type TraceSinks, traceIdOf } from '../batch/trace.js';
import type { ExecutionIds } from './execution-ids.js';
import { contextOf, type Decide } from './parents.js';

const count = z.number().optional();
const countsSchema = z.object({
  items: count,
  ok: count,
  failed: count,
  skipped: count,
  cancelled: count,
  empty: count,
  truncated: count,
  tokens: count,
  wastedTokens: count,
  cachedTokens: count,
  requests: count,
  retries: count,
  fallbacks: count,
});
/** Of a run's result, and of a chunk's. */
const resultSchema = z.union([z.object({ counts: countsSchema }).transform(({ counts }) => counts), countsSchema]);

/** What makes the spans of workflows. */
export interface WorkflowSpanMaker {
  readonly tracer: Tracer;
  readonly ids: ExecutionIds;
  readonly decide: Decide;
}

/**
 * The sink that makes a span of each run and each chunk when its execution chain ends. It is not called by a replay, and
 * a task that was done twice makes the same span twice: backends know it by its id.
 */
export function workflowSpans(maker: WorkflowSpanMaker): InjectedSinks<TraceSinks> {
  return { [TRACE_SINK]: { ended: { fn: (info, ended) => makeSpan(maker, info, ended), callDuringReplay: false } } };
}

function makeSpan({ tracer, ids, decide }: WorkflowSpanMaker, info: WorkflowInfo, ended: EndedWorkflow): void {
  const { firstExecutionRunId: first, workflowType } = info;
  const parent = contextOf(ended.carrier, decide);
  const traceId = ended.carrier === undefined ? undefined : placeOf(ended.carrier)?.traceId;
  const name = workflowType === 'chunkWorkflow' ? 'chunk' : 'run';
  const span = ids.use({ traceId: traceId ?? traceIdOf(first), spanId: spanIdOf(first) }, () =>
    tracer.startSpan(name, { startTime: new Date(ended.startedAt), attributes: attributesOf(info, ended) }, parent),
  );
  if (ended.failure !== undefined && ended.failure !== 'Cancelled') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(new Date(ended.endedAt));
}

/** Whether a trace that begins with a run is sampled: what the sampler says of a run's span, which is not made. */
export function decideBy(tracer: Tracer, ids: ExecutionIds): Decide {
  return (traceId) => {
    const known = { traceId, spanId: traceId.slice(16) };
    const span = ids.use(known, () => tracer.startSpan('run', { root: true }));
    return trace.isSpanContextValid(span.spanContext()) && span.isRecording();
  };
}

function attributesOf({ workflowId, runId, workflowType, parent }: WorkflowInfo, ended: EndedWorkflow): Attributes {
  const isChunk = workflowType === 'chunkWorkflow';
  const chunk = /\/chunk-(\d+)$/.exec(workflowId)?.[1];
  return {
    temporalWorkflowId: workflowId,
    run_id: runId,
    'dria.run.id': isChunk ? (parent?.workflowId ?? workflowId) : workflowId,
    ...(isChunk && chunk !== undefined ? { 'dria.chunk.index': Number(chunk) } : {}),
    'dria.outcome': ended.failure ?? 'ok',
    ...(ended.failure === undefined ? {} : { 'error.type': ended.failure }),
    ...countAttributes(ended.result),
  };
}

function countAttributes(result: unknown): Attributes {
  const counts = resultSchema.safeParse(result);
  if (!counts.success) return {};
  return Object.fromEntries(
    Object.entries(counts.data).flatMap(([name, value]) =>
      value === undefined ? [] : [[`dria.${snakeCase(name)}`, value]],
    ),
  );
}

/** Attributes are written `dria.wasted_tokens`. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
