import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Context as ActivityContext } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory, CancelledFailure, type Headers } from '@temporalio/common';
import type { PackTrace, Tracing } from '../activities/tracing.js';
import { ACTIVITY_PREFIX, type InferInput, type PackResult } from '../batch/activity-contract.js';
import { countItems } from '../batch/item-ranges.js';

import { type Decide, parentOf } from './parents.js';
import { RequestSpans } from './request-spans.js';

/** Spans of activities: `pack` for `infer`, the activity's name for the steps of a run. */
export class ActivitySpans implements Tracing {
  private readonly spans = new WeakMap<ActivityContext, { readonly span: Span; readonly context: Context }>();

  constructor(
    private readonly tracer: Tracer,
    private readonly decide: Decide,
  ) {}

  async activity(activity: ActivityContext, headers: Headers, run: () => Promise<unknown>): Promise<unknown> {
    const name = activity.info.activityType.slice(ACTIVITY_PREFIX.length);
    const parent = parentOf(headers, this.decide);
    const span = this.tracer.startSpan(
      name === 'infer' ? 'pack' : name,
      { attributes: activityAttributes(activity) },
      parent,
    );
    const inside = trace.setSpan(parent, span);
    this.spans.set(activity, { span, context: inside });
    try {
      return await context.with(inside, run);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  }

  pack(activity: ActivityContext, input: InferInput, baseUrl: string): PackTrace {
    const known = this.spans.get(activity);
    if (known === undefined || !known.span.isRecording()) return UNTRACED;
    known.span.setAttributes(packAttributes(input));
    const requests = new RequestSpans(this.tracer, known.context, input, baseUrl);
    return {
      request: (facts) => requests.begin(facts),
      did: (result) => void known.span.setAttributes(resultAttributes(result)),
    };
  }
}

/** A pack whose trace is not sampled. */
const UNTRACED: PackTrace = {
  request: () => ({ answered: () => undefined, end: () => undefined }),
  did: () => undefined,
};

/** Names of Temporal's own ids as its interceptors have them. */
function activityAttributes({ info }: ActivityContext): Attributes {
  const { workflowExecution, activityId, attempt } = info;
  return {
    temporalActivityId: activityId,
    ...(workflowExecution === undefined
      ? {}
      : { temporalWorkflowId: workflowExecution.workflowId, run_id: workflowExecution.runId }),
    'dria.activity.attempt': attempt,
  };
}

function packAttributes({ run, chunk, target, items, retrying }: InferInput): Attributes {
  return {
    'dria.run.id': run,
    'dria.chunk.index': chunk,
    'gen_ai.request.model': target,
    'dria.items': countItems(items),
    'dria.pack.retrying': retrying === true,
  };
}

function resultAttributes({ counts, failed, refused, open }: PackResult): Attributes {
  return {
    'dria.ok': counts.ok,
    'dria.failed': counts.failed + countItems(failed),
    'dria.remaining': countItems(refused) + countItems(open),
    'dria.requests': counts.requests,
    'dria.tokens': counts.tokens,
  };
}

/** Marks a span by the failure's type alone: its message may hold what a server said. */
function fail(span: Span, error: unknown): void {
  const type = failureType(error);
  span.setAttributes({ 'error.type': type, 'dria.outcome': type });
  const isBenign = error instanceof ApplicationFailure && error.category === ApplicationFailureCategory.BENIGN;
  if (!isBenign && type !== 'Cancelled') span.setStatus({ code: SpanStatusCode.ERROR });
}

function failureType(error: unknown): string {
  if (error instanceof CancelledFailure) return 'Cancelled';
  if (error instanceof ApplicationFailure) return error.type ?? 'Other';
  return error instanceof Error ? error.name : 'Other';
}
