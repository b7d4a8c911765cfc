import { WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  RetryState,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { batchFailureOf, isForGood, kindOfType, type OwnBatchFailure } from '../../src/batch/batch-failure.js';

const FACTS = { message: 'no', runId: 'r', items: 3, ok: 1, failed: 0 };
const FAILURE: OwnBatchFailure = { kind: 'InvalidInput', ...FACTS };

const application = (failure: unknown) =>
  ApplicationFailure.create({ type: 'InvalidInput', message: 'no', details: [failure] });
const ofClient = (cause: Error) => new WorkflowFailedError('failed', cause, RetryState.NON_RETRYABLE_FAILURE);
const ofChild = (cause: Error, workflowType = 'batchWorkflow') =>
  new ChildWorkflowFailure('default', { workflowId: 'r', runId: 'x' }, workflowType, RetryState.TIMEOUT, cause);
const ofActivity = (cause: Error) => new ActivityFailure('failed', 'a', '1', RetryState.TIMEOUT, 'worker', cause);
const timeout = () => new TimeoutFailure('too long', undefined, 'START_TO_CLOSE');

describe('the failure of a batch', () => {
  it.each<[string, Error]>([
    ['what a client gets', ofClient(application(FAILURE))],
    ['what a parent gets', ofChild(application(FAILURE))],
    ['what the client of a parent gets', ofClient(ofChild(application(FAILURE)))],
    ['what two parents above get', ofChild(ofChild(application(FAILURE)), 'other')],
    ['the failure itself', application(FAILURE)],
    ['an error of one that was caught', new Error('mine', { cause: ofChild(application(FAILURE)) })],
  ])('is found in %s', (_what, error) => {
    expect(batchFailureOf(error)).toEqual(FAILURE);
  });

  it('of a pause has what paused it', () => {
    const failure = { kind: 'Paused', pausedBy: 'credits', ...FACTS };
    expect(batchFailureOf(ofChild(application(failure)))).toEqual(failure);
  });

  it.each<[string, Error]>([
    ['Cancelled', new CancelledFailure('over')],
    ['Terminated', new TerminatedFailure('over')],
    ['TimedOut', timeout()],
  ])('that Temporal has ended is %s', (kind, cause) => {
    for (const error of [ofClient(cause), ofChild(cause), ofClient(ofChild(cause))]) {
      expect(batchFailureOf(error)).toEqual({ kind, message: cause.message });
    }
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a text', 'InvalidInput'],
    ["an activity's failure", ofActivity(timeout())],
    ["a cancelled activity's", ofActivity(new CancelledFailure('over'))],
    ['another child that was terminated', ofChild(new TerminatedFailure('over'), 'other')],
    ['a failure with other details', ofChild(application({ kind: 'InvalidInput' }))],
    ['a failure of a kind that is none', ofChild(application({ ...FAILURE, kind: 'Other' }))],
    ['a failure without details', ofChild(ApplicationFailure.create({ type: 'InvalidInput' }))],
  ])('is not found in %s', (_what, error) => {
    expect(batchFailureOf(error)).toBeUndefined();
  });

  it('is found in causes that form a ring, or not', () => {
    const ring = new Error('ring');
    ring.cause = new Error('other', { cause: ring });
    expect(batchFailureOf(ring)).toBeUndefined();
  });
});

it('says of each kind whether a retry can mend it, and takes unknown types for a bug', () => {
  expect(kindOfType('StorageUnavailable')).toBe('StorageUnavailable');
  expect(kindOfType('NodeTimeout')).toBe('Internal');
  expect(kindOfType(undefined)).toBe('Internal');
  expect(isForGood(FAILURE)).toBe(true);
  expect(isForGood({ ...FAILURE, kind: 'EndpointUnavailable' })).toBe(false);
});
