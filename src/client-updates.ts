import { isGrpcServiceError } from '@temporalio/client';

/** The gRPC status of an update that the server gave up: also one that met the end of a run's history. */
const FAILED_PRECONDITION = 9;

/** Maximum number of times that an update is sent again. */
const RESENDS = 5;

/**
 * Sends an update of a run. A server gives one up that comes at the moment at which the run continues as new, and the SDK
 * does not send it again. Updates of runs have absolute values, so one that arrives twice does no harm.
 */
export async function sendUpdate<Result>(send: () => Promise<Result>): Promise<Result> {
  for (let left = RESENDS; ; left--) {
    try {
      return await send();
    } catch (error) {
      if (left === 0 || !isGivenUp(error)) throw error;
    }
  }
}

/** The SDK puts the server's error behind one of its own. */
function isGivenUp(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isGrpcServiceError(cause) && cause.code === FAILED_PRECONDITION && /workflow task fail/i.test(cause.details);
}
