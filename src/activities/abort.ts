import { setMaxListeners } from 'node:events';
import type { Context } from '@temporalio/activity';

/** When a pack ends early. */
export interface PackAbort {
  /** Returns true if no further item should be asked: the workflow wants the pack back, or the worker is about to leave. */
  readonly isStopping: () => boolean;
  /** The signals of which one makes {@link isStopping} true. */
  readonly stopping: readonly AbortSignal[];
  /** Aborted if requests in flight are of no use either: the worker goes now, or another attempt has taken over. */
  readonly signal: AbortSignal;
}

/**
 * Reads what ends a pack early. A workflow that cancels the activity, or an operator who pauses it, gets the answers under
 * way, which are paid for; a worker that shuts down, or an attempt that the server has given up, does not wait. `withdrawn`
 * is the workflow's wish as well, heard without a heartbeat.
 */
export function packAbort(context: Context, withdrawn: AbortSignal, drain: AbortSignal | undefined): PackAbort {
  const abort = new AbortController();
  context.cancellationSignal.addEventListener('abort', () => {
    const details = context.cancellationDetails;
    if (details?.cancelRequested !== true && details?.paused !== true) abort.abort(context.cancellationSignal.reason);
  });
  const stopping = [context.cancellationSignal, withdrawn, ...(drain === undefined ? [] : [drain])];
  // Each request under way listens, and each pack: more than Node takes for a leak.
  setMaxListeners(0, abort.signal, ...stopping);
  return {
    isStopping: () => stopping.some(({ aborted }) => aborted),
    stopping,
    signal: abort.signal,
  };
}
