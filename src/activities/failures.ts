import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { FailureType, PackResult } from '../batch/activity-contract.js';
import { FormatError } from '../batch/output-format.js';
import { SchemaError } from '../batch/schema.js';
import { type DriaError, describeError, describeShown, isDriaError } from '../dria/errors.js';
import { AttachmentError, InputError, InvalidInputError, NoColumnError } from '../input/errors.js';
import { StorageError } from '../storage/storage.js';
import { WebhookError } from '../webhook/webhooks.js';

/** Failures expected in normal operation: logged as debug, not counted as errors in metrics. */
const BENIGN: ReadonlySet<FailureType> = new Set([
  'NoNodesAvailable',
  'ModelUnavailable',
  'TargetUnavailable',
  'ModalityRefused',
  'RateLimited',
]);

/** What an error means for the item that was asked. */
export interface ItemError {
  readonly type: FailureType;
  /** `gate`: the request was held back and does not count; the item is asked again by the same attempt. */
  readonly fault: 'item' | 'attempt' | 'target' | 'endpoint' | 'gate';
  /** `<status or kind>: <message>`, as histories have it: without what the endpoint quotes of the prompt. */
  readonly error: string;
  /** What the item's output line has, if it is not that: with quotes, or of its own request if `error` is of the target. */
  readonly itsOwn?: OwnError | undefined;
  readonly retryAfterMs?: number | undefined;
  /** Cost of an answer that is of no use, tokens. */
  readonly tokens?: number | undefined;
  /** It was an answer with nothing in it. */
  readonly isEmpty?: boolean | undefined;
  /** Text of a whole answer that does not satisfy the schema. */
  readonly answer?: string | undefined;
  /** It was asked together with an item before it, whose request counts. */
  readonly isJoined?: boolean;
  /** A request was sent. */
  readonly isSent: boolean;
  /** It may be about the target. */
  readonly isUnclear: boolean;
}

/** The error of an item's own request. */
export interface OwnError {
  /** With the endpoint's quotes of the prompt, for the item's output line. */
  readonly whole: string;
  /** Without them, for histories. */
  readonly shown: string;
}

/** Returns what an error means for the item that was asked; undefined for errors that are not about an item. */
export function itemError(error: unknown): ItemError | undefined {
  if (isDriaError(error)) {
    const { code: type, retryAfterMs, tokens, isEmpty, isUnclear = false, unsent = false } = error;
    // An error of the target has the item's own as its cause.
    const own = type === 'TargetUnavailable' && isDriaError(error.cause) ? error.cause : error;
    return {
      type,
      fault: faultOf(error),
      error: describeShown(error),
      itsOwn: ownError(error),
      retryAfterMs,
      tokens,
      isEmpty,
      answer: own.answer,
      isUnclear,
      isSent: !unsent,
    };
  }
  if (!(error instanceof AttachmentError)) return undefined;
  const text = `attachment: ${error.message}`;
  return { type: 'InvalidAttachment', fault: 'item', error: text, isSent: false, isUnclear: false };
}

/** Returns an error for an item that was asked together with the one whose error it is: the cost is that one's. */
export function joinedError(error: ItemError): ItemError {
  return { ...error, tokens: undefined, isEmpty: undefined, isJoined: true };
}

function ownError(error: DriaError): OwnError | undefined {
  const own = error.code === 'TargetUnavailable' && isDriaError(error.cause) ? error.cause : error;
  if (own === error && error.shown === undefined) return undefined;
  return { whole: describeError(own), shown: describeShown(own) };
}

function faultOf({ code, fault }: DriaError): ItemError['fault'] {
  // What nothing can be left out of is the item's own.
  if (fault === 'request') return 'item';
  return code === 'RateLimited' && fault === 'attempt' ? 'gate' : fault;
}

/** Returns the failure that ends a pack early, with what it has done. */
export function failureOf({ type, error }: ItemError, result: PackResult): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message: error,
    nonRetryable: true,
    details: [result],
    ...(BENIGN.has(type) ? { category: ApplicationFailureCategory.BENIGN } : {}),
  });
}

/** Returns the failure of items that have failed again, and are asked again under the activity's retry policy. */
export function retryFailure(
  { type, error, retryAfterMs }: ItemError,
  { failed, items }: { readonly failed: number; readonly items: number },
  result: PackResult,
): ApplicationFailure {
  return ApplicationFailure.create({
    type,
    message: items === 1 ? error : `${failed} of ${items} items failed again, the last with ${error}`,
    details: [result],
    category: ApplicationFailureCategory.BENIGN,
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
}

/**
 * The one translation of errors at the edge of the activities that are not about single items: our typed errors become
 * failures with a type; anything else stays as it is and is retried by its policy.
 */
function toFailure(error: unknown): unknown {
  if (isDriaError(error)) {
    const { code: type, retryAfterMs } = error;
    return ApplicationFailure.create({
      type,
      message: describeError(error),
      nonRetryable: error.fault === 'item' || type === 'Unauthorized' || type === 'PaymentRequired',
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
    });
  }
  if (error instanceof FormatError) return invalid(error.message);
  if (error instanceof SchemaError) return invalid(error.message);
  if (error instanceof InvalidInputError) return invalid(withoutContent(error));
  if (error instanceof NoColumnError) return invalid(error.brief);
  if (error instanceof InputError) return invalid(error.message);
  if (error instanceof WebhookError) {
    const { code, message, retryAfterMs } = error;
    if (code === 'REFUSED') return invalid(message);
    return ApplicationFailure.create({
      type: 'WebhookFailed',
      message,
      nonRetryable: code === 'REJECTED',
      ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
    });
  }
  if (error instanceof StorageError) {
    const { message, isForGood: nonRetryable } = error;
    return ApplicationFailure.create({ type: 'StorageUnavailable', message, nonRetryable });
  }
  return error;
}

/** Returns the failure for what a caller must give otherwise. */
export function invalid(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'InvalidInput');
}

/** Returns the failure of a run whose directory holds another input. */
export function otherInput(run: string): ApplicationFailure {
  return invalid(`${run} belongs to a run of another input: give another id`);
}

/** Returns an error's message without what its lines hold: a history is read by others than the input is. */
function withoutContent({ input, problems, total }: InvalidInputError): string {
  const inWords = problems.map(({ message, ...place }) => ({ ...place, message: message.replace(/".*"/s, '"…"') }));
  return new InvalidInputError(input, inWords, total).message;
}

/** Runs an activity's body with its errors translated. */
export async function translated<T>(body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw toFailure(error);
  }
}
