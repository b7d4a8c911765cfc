import { z } from 'zod';
import { PAUSED_BY, type PausedBy } from './progress.js';

/** What went wrong, in the order of what a caller can do about it. */
const KINDS = [
  /** The input, the options or the id: nothing was spent by this execution. The message names what to give instead. */
  'InvalidInput',
  /** The worker serves another endpoint than the run is for. */
  'WrongEndpoint',
  /** The endpoint refuses the key. */
  'Unauthorized',
  /** The account has no credits, said before the run had begun. */
  'PaymentRequired',
  /** The endpoint could not be asked for its models or the balance for as long as `maxWaitSecs`, or does not list them. */
  'EndpointUnavailable',
  /** The storage could not be read or written, or no worker sees that of the run. */
  'StorageUnavailable',
  /** Somebody cancelled or terminated one of the run's chunks. */
  'ChunkEnded',
  /** Items and outcomes do not add up: a bug. */
  'ReconciliationFailed',
  /** Anything else: a bug, or workers that died too often. */
  'Internal',
] as const;

/** What every failure of a run says. */
export interface BatchFailureFacts {
  /** What happened, and what to do, in words. */
  readonly message: string;
  /** The run's id. */
  readonly runId: string;
  /** Items of the input; 0 if it had not been read. */
  readonly items: number;
  /** Items answered. The answers are kept: a run with this id goes on with them. */
  readonly ok: number;
  /** Items that ended in an error. */
  readonly failed: number;
}

/** A failure that `batchWorkflow` throws: the first detail of its `ApplicationFailure`, whose type is the kind. */
export type OwnBatchFailure =
  | (BatchFailureFacts & {
      /** What went wrong. */
      readonly kind: (typeof KINDS)[number];
    })
  /** It paused, under `onPause: 'fail'`. */
  | (BatchFailureFacts & {
      /** It is paused, and does not wait. */
      readonly kind: 'Paused';
      /** Who or what paused it. */
      readonly pausedBy: PausedBy;
    });

/** Why a run has not come to its end. */
export type BatchFailure =
  | OwnBatchFailure
  /** It was ended from outside, and Temporal says so: there are no counts. */
  | {
      /** How it was ended. */
      readonly kind: 'Cancelled' | 'Terminated' | 'TimedOut';
      /** Temporal's own words. */
      readonly message: string;
    };

const facts = { message: z.string(), runId: z.string(), items: z.number(), ok: z.number(), failed: z.number() };

const ownFailureSchema: z.ZodType<OwnBatchFailure> = z.union([
  z.object({ ...facts, kind: z.enum(KINDS) }),
  z.object({ ...facts, kind: z.literal('Paused'), pausedBy: z.enum(PAUSED_BY) }),
]);

/** Kinds that a retry of the same input cannot mend. */
const FOR_GOOD: ReadonlySet<string> = new Set<OwnBatchFailure['kind']>([
  'InvalidInput',
  'WrongEndpoint',
  'Unauthorized',
  'PaymentRequired',
  'Paused',
  'ReconciliationFailed',
]);

/** Returns true for a failure that a retry of the same input cannot mend. */
export function isForGood({ kind }: OwnBatchFailure): boolean {
  return FOR_GOOD.has(kind);
}

/** Returns the kind of a failure that an activity threw with a type. */
export function kindOfType(type: string | null | undefined): Exclude<OwnBatchFailure['kind'], 'Paused'> {
  return type === 'StorageNotShared' ? 'StorageUnavailable' : (KINDS.find((kind) => kind === type) ?? 'Internal');
}

const ENDED_BY_TEMPORAL: ReadonlyMap<string, 'Cancelled' | 'Terminated' | 'TimedOut'> = new Map([
  ['CancelledFailure', 'Cancelled'],
  ['TerminatedFailure', 'Terminated'],
  ['TimeoutFailure', 'TimedOut'],
]);

/**
 * Returns why a run failed, from the error that its caller got: `WorkflowFailedError` of a client, `ChildWorkflowFailure` in
 * a workflow, or what has one of them as its cause. Returns undefined for an error that is no run's failure.
 */
export function batchFailureOf(error: unknown): BatchFailure | undefined {
  const seen = new Set<unknown>();
  let above: Error | undefined;
  for (let cause = error; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    seen.add(cause);
    const own = ownFailureOf(cause);
    if (own !== undefined) return own;
    const kind = ENDED_BY_TEMPORAL.get(cause.name);
    if (kind !== undefined && isRunsEnd(above)) return { kind, message: cause.message };
    above = cause;
  }
  return undefined;
}

// By names: errors may come from another copy of the SDK, or from another realm.
function ownFailureOf(error: Error): OwnBatchFailure | undefined {
  if (error.name !== 'ApplicationFailure' || !('details' in error) || !Array.isArray(error.details)) return undefined;
  const parsed = ownFailureSchema.safeParse(error.details[0]);
  return parsed.success ? parsed.data : undefined;
}

/** Returns true for what a caller gets of a run that Temporal has ended. */
function isRunsEnd(error: Error | undefined): boolean {
  if (error?.name === 'WorkflowFailedError') return true;
  return error?.name === 'ChildWorkflowFailure' && 'workflowType' in error && error.workflowType === 'batchWorkflow';
}
