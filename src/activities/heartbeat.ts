import { Context } from '@temporalio/activity';

/** Heartbeats in one time-out: one may be late or lost without the server taking the worker for dead. */
const BEATS_PER_TIMEOUT = 3;

/**
 * Longest time between two heartbeats, ms: cancellation is heard with them, but for that of packs whose workflow is on the
 * same worker (`withdrawals.ts`). Few leave the worker where they cost something: the SDK holds them back (`src/worker.ts`).
 * Every second would cost half a CPU-second for 1,000 prompts at 50 lanes.
 */
export const HEARTBEAT_GAP_MS = 3_000;

/**
 * Runs a body while telling the server that it lives and how far it is, and hearing of cancellation.
 * `details` are a hint for people and for tools; nothing is recovered from them (the SDK throttles heartbeats).
 */
export async function withHeartbeat<T>(details: () => unknown, body: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const timeoutMs = context.info.heartbeatTimeoutMs ?? 30_000;
  const timer = setInterval(
    () => context.heartbeat(details()),
    Math.min(timeoutMs / BEATS_PER_TIMEOUT, HEARTBEAT_GAP_MS),
  );
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}
