import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { SchemaError } from '../batch/schema.js';
import { type FailureType, isRetryable, type PackProgress } from '../batch/work.js';
import { describeError, isDriaError } from '../dria/errors.js';
import { AttachmentError, InputError } from '../input/errors.js';
import { StorageError } from '../storage/storage.js';

/** Failures that are part of a network's day: logged as debug, not counted as errors in metrics. */
const BENIGN: ReadonlySet<FailureType> = new Set(['NoNodesAvailable', 'ModalityRefused', 'RateLimited']);

/** What an error of one item is, without the failure around it. */
export interface ItemError {
  readonly type: FailureType;
  /** `<status or kind>: <message>`, as output lines have it. */
  readonly error: string;
  readonly retryAfterMs?: number;
  /** What an answer that is no good has cost, tokens. */
  readonly tokens?: number;
  /** It was an answer with nothing in it. */
  readonly isEmpty?: boolean;
}

/**
 * What an error means for the item that was asked; undefined for errors that are not about an item (storage, bugs).
 */
export function itemError(error: unknown): ItemError | undefined {
  if (isDriaError(error)) {
    const { code: type, retryAfterMs, tokens, isEmpty } = error;
    return {
      type,
      error: describeError(error),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(tokens === undefined ? {} : { tokens }),
      ...(isEmpty === undefined ? {} : { isEmpty }),
    };
  }
  if (error instanceof AttachmentError) return { type: 'InvalidAttachment', error: `attachment: ${error.message}` };
  return undefined;
}

/** True for what concerns more than the item that met it: it ends a pack at once. */
export function endsPack(type: FailureType): boolean {
  return (
    type === 'NoNodesAvailable' || type === 'ModalityRefused' || type === 'Unauthorized' || type === 'PaymentRequired'
  );
}

/** An item's error as the failure that the workflow sees, with what the pack has done so far. */
export function itemFailure({ type, error, retryAfterMs }: ItemError, progress: PackProgress): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message: error,
    nonRetryable: !isRetryable(type),
    details: [progress],
    ...(BENIGN.has(type) ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}

/**
 * The one translation of errors at the edge of the activities that are not about single items: our typed errors become
 * failures with a type; anything else stays as it is and is retried by its policy.
 */
export function toFailure(error: unknown): unknown {
  if (isDriaError(error)) {
    const { type, error: message, retryAfterMs } = itemError(error) ?? { type: error.code, error: error.message };
    return ApplicationFailure.create({
      type,
      message,
      nonRetryable: !isRetryable(type) && type !== 'NoNodesAvailable',
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
    });
  }
  if (error instanceof SchemaError) return ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
  if (error instanceof InputError) return ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
  if (error instanceof StorageError) {
    const { message, isForGood: nonRetryable } = error;
    return ApplicationFailure.create({ type: 'StorageUnavailable', message, nonRetryable });
  }
  return error;
}

/** Runs an activity's body with its errors translated. */
export async function translated<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw toFailure(error);
  }
}
