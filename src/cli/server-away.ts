import { setTimeout as delay } from 'node:timers/promises';
import type { BatchHandle } from '../client.js';

/** Time between two tries to reach a server that is away, ms; the SDK tries ten times for each. */
const AGAIN_MS = 1_000;

/** Longest time that a server which is there takes to say so, ms. */
const PING_MS = 5_000;

/**
 * gRPC statuses of calls that did not reach the server, or that it could not answer then: CANCELLED, UNKNOWN,
 * DEADLINE_EXCEEDED (a poll that was under way while the machine slept), ABORTED, UNAVAILABLE, DATA_LOSS.
 */
const AWAY: ReadonlySet<unknown> = new Set([1, 2, 4, 10, 14, 15]);
const RESOURCE_EXHAUSTED = 8;
const INTERNAL = 13;

/** True for the error of a call to a server that may answer the same call later. */
export function isServerAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, details }: Record<string, unknown> = { ...error };
  if (typeof code !== 'number') return isServerAway(error.cause);
  // Too many calls, but not a message that is too large; a connection that broke, but nothing else that is internal.
  if (code === RESOURCE_EXHAUSTED) return !/larger than max/.test(String(details));
  return code === INTERNAL ? /RST_STREAM/.test(String(details)) : AWAY.has(code);
}

/**
 * Makes a call again as long as the server is away: over sleep, restarts and changes of the network, for hours. Throws what
 * the server says, and when it is `over`.
 */
export async function throughAbsence<T>(call: () => Promise<T>, over: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!isServerAway(error)) throw error;
      await delay(AGAIN_MS, undefined, { signal: over });
    }
  }
}

/** True if the server of a run answers now. */
export async function isServerThere(handle: Pick<BatchHandle, 'ping'>): Promise<boolean> {
  try {
    await handle.ping(PING_MS);
    return true;
  } catch (error) {
    return !isServerAway(error);
  }
}
