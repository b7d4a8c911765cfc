import type { Context } from '@temporalio/activity';
import type { Headers } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { ACTIVITY_PREFIX, type InferInput, type PackResult } from '../batch/activity-contract.js';
import type { ChatAnswer } from '../dria/chat-answer.js';
import { isDriaError } from '../dria/errors.js';
import { itemError } from './failures.js';

/**
 * Makes spans of what a worker's activities do. Nothing of a prompt, an answer or a server's message goes into it. Made by
 * `globalTracing()`; what it can do is not for other code, and left out of the declarations.
 */
export interface Tracing {
  /**
   * Runs an activity as a span below the one that its headers name.
   * @internal
   */
  activity(context: Context, headers: Headers, run: () => Promise<unknown>): Promise<unknown>;
  /**
   * The pack that the activity of `context` does, at the endpoint with this base URL.
   * @internal
   */
  pack(context: Context, input: InferInput, baseUrl: string): PackTrace;
}

/** The span of a pack. */
export interface PackTrace {
  /** Begins the span of one request. */
  request(facts: RequestFacts): RequestTrace;
  /** What the pack has come to. */
  did(result: PackResult): void;
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
  /** What the answer has cost all the same. */
  readonly tokens?: number;
}

/** A request's error without its message, which may hold anything. */
export function requestFailure(error: unknown, cancelled: boolean): RequestFailure {
  if (cancelled) return { type: 'Cancelled' };
  const { type = 'Other', tokens } = itemError(error) ?? {};
  const status = isDriaError(error) ? error.status : undefined;
  return { type, ...(status === undefined ? {} : { status }), ...(tokens === undefined ? {} : { tokens }) };
}

/** Returns interceptors that put the activities of this package into spans: a worker of somebody else has others too. */
export function tracedActivities(tracing: Tracing): ActivityInterceptorsFactory {
  return (context) =>
    context.info.activityType.startsWith(ACTIVITY_PREFIX)
      ? { inbound: { execute: (input, next) => tracing.activity(context, input.headers, () => next(input)) } }
      : {};
}
