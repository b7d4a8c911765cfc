import {
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TemporalFailure,
  TerminatedFailure,
} from '@temporalio/workflow';
import { type BatchFailureFacts, isForGood, kindOfType, type OwnBatchFailure } from '../batch/batch-failure.js';
import type { PauseCause } from '../batch/pausing.js';

/** What a run had come to when it failed. */
export type RunFacts = Omit<BatchFailureFacts, 'message'>;

/** The end of a run that pauses and may not wait. */
export class PausedEnd extends TemporalFailure {
  constructor(readonly pause: PauseCause) {
    super(pause.pausedFor);
  }
}

/** Returns the one failure that `batchWorkflow` throws, from the error that ended the run. */
export function runFailure(error: TemporalFailure, facts: RunFacts): ApplicationFailure {
  const failure = failureOf(error, facts);
  return ApplicationFailure.create({
    type: failure.kind,
    message: failure.message,
    nonRetryable: isForGood(failure),
    details: [failure],
  });
}

function failureOf(error: TemporalFailure, facts: RunFacts): OwnBatchFailure {
  const cause = innermost(error);
  const { message } = cause;
  if (cause instanceof PausedEnd) return { kind: 'Paused', pausedBy: cause.pause.pausedBy, message, ...facts };
  if (error instanceof ChildWorkflowFailure) {
    const chunk = error.execution.workflowId;
    if (cause instanceof CancelledFailure) return { kind: 'ChunkEnded', message: `${chunk} was cancelled`, ...facts };
    if (cause instanceof TerminatedFailure) return { kind: 'ChunkEnded', message: `${chunk} was terminated`, ...facts };
  }
  return { kind: kindOfType(cause instanceof ApplicationFailure ? cause.type : undefined), message, ...facts };
}

function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error;
}
