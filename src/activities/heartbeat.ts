import { Context } from '@temporalio/activity';

/** Heartbeats in one time-out: one may be late or lost without the server taking the worker for dead. */
const BEATS_PER_TIMEOUT = 3;

/**
 * Runs a body with heartbeats. Cancellation is delivered with them, except for packs on their workflow's own worker (see
 * `withdrawals.ts`). `details` are for people and tools; nothing is recovered from them.
 */
export async function withHeartbeat<T>(details: () => unknown, body: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 30_000;
  const timer = setInterval(() => context.heartbeat(details()), timeoutMs / BEATS_PER_TIMEOUT);
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}
