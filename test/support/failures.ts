import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, TemporalFailure } from '@temporalio/common';

/** Why a workflow failed: the innermost cause of the error that its caller got. Fails when it did not fail. */
export async function causeOf(result: Promise<unknown>): Promise<TemporalFailure> {
  const error: unknown = await result.then(
    () => new Error('the workflow did not fail'),
    (caught: unknown) => caught,
  );
  if (!(error instanceof WorkflowFailedError)) throw error;
  let cause: unknown = error.cause;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  if (!(cause instanceof TemporalFailure)) throw error;
  return cause;
}

/** The type of an application's failure; the class's name for the others (`CancelledFailure`, `TerminatedFailure`). */
export function typeOf(failure: TemporalFailure): string | null | undefined {
  return failure instanceof ApplicationFailure ? failure.type : failure.name;
}
