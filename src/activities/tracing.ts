import type { Context } from '@temporalio/activity';
import type { Headers } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { BatchActivities, InferInput, PackProgress } from '../batch/work.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import { isDriaError } from '../dria/errors.js';
import { itemError } from './failures.js';

/** Makes spans of what a worker's activities do. Nothing of a prompt, an answer or a server's message goes into it. */
export interface Tracing {
  /** Runs an activity as a span below the one that its headers name. */
  activity(context: Context, headers: Headers, run: () => Promise<unknown>): Promise<unknown>;
  /** The pack that the activity of `context` does, at the endpoint with this base URL. */
  pack(context: Context, input: InferInput, baseUrl: string): PackTrace;
}

/** The span of a pack. */
export interface PackTrace {
  /** Begins the span of one request. */
  request(facts: RequestFacts): RequestTrace;
  /** What the pack has come to. */
  did(progress: PackProgress): void;
}

/** What is known of a request before it is sent. */
export interface RequestFacts {
  readonly item: number;
  /** Number of this attempt among all the item has had, 1 for the first. */
  readonly attempt: number;
}

/** The span of one request. */
export interface RequestTrace {
  /** An answer came; whether it is a good one is not known yet. */
  answered(answer: ChatAnswer): void;
  /** The request is over. Without a failure its answer was good. */
  end(failure?: RequestFailure): void;
}

/** Why a request came to nothing. */
export interface RequestFailure {
  /** A `FailureType`, or `Cancelled`, or `Other`. */
  readonly type: string;
  /** The HTTP status, where there was one. */
  readonly status?: number;
}

/** A request's error without its message, which may hold anything. */
export function requestFailure(error: unknown, cancelled: boolean): RequestFailure {
  if (cancelled) return { type: 'Cancelled' };
  const type = itemError(error)?.type ?? 'Other';
  return isDriaError(error) && error.status !== undefined ? { type, status: error.status } : { type };
}

/** Activities of this package: a worker of somebody else has others beside them. */
const OURS: Readonly<Record<keyof BatchActivities, true>> = {
  readManifest: true,
  readChunks: true,
  fetchModels: true,
  infer: true,
  recoverChunk: true,
  writePart: true,
  assembleResults: true,
};

/** Interceptors that put each activity of this package into a span. */
export function tracedActivities(tracing: Tracing): ActivityInterceptorsFactory {
  return (context) =>
    context.info.activityType in OURS
      ? { inbound: { execute: (input, next) => tracing.activity(context, input.headers, () => next(input)) } }
      : {};
}
