import { setTimeout as delay } from 'node:timers/promises';
import type { Progress } from '../batch/progress.js';
import type { BatchHandle } from '../client.js';
import { progressWithin } from './ask-progress.js';
import { isRunFailed } from './errors.js';
import { aborted } from './interrupt.js';
import { isServerThere, throughAbsence } from './server-away.js';

/** Time between two looks at a run that is about to end, ms: each is a workflow task on the run's worker. */
const LOOK_MS = 2_000;

/** Time without an answer after which nobody is taken to work on the run, ms. */
const SILENT_MS = 15_000;

/** How waiting came out: the run ended, the person left, or no worker has answered for a while. */
export type Awaited = 'ended' | 'left' | 'no-worker';

/** What waiting needs. */
export interface Waiting {
  /** Aborted when the person leaves. */
  readonly interrupt: AbortSignal;
  /** Says once what is waited for, when it takes a while. */
  readonly say: (words: string) => void;
}

/**
 * Waits for the end of a run that was told to end. Its requests in flight are finished first, and packs on another
 * worker than their chunk's hear of it with a heartbeat: minutes, as long as a worker answers.
 */
export async function awaitEnd(handle: BatchHandle, { interrupt, say }: Waiting): Promise<Awaited> {
  const over = new AbortController();
  try {
    return await Promise.race([
      ended(handle, over.signal),
      left(interrupt, over.signal),
      silence(handle, say, over.signal),
    ]);
  } finally {
    over.abort();
  }
}

async function ended(handle: BatchHandle, over: AbortSignal): Promise<Awaited> {
  try {
    await throughAbsence(() => handle.result(), over);
  } catch (error) {
    if (!isRunFailed(error)) throw error;
  }
  return 'ended';
}

async function left(interrupt: AbortSignal, over: AbortSignal): Promise<Awaited> {
  await aborted(interrupt, over);
  return 'left';
}

async function silence(handle: BatchHandle, say: Waiting['say'], over: AbortSignal): Promise<Awaited> {
  let answeredAt = performance.now();
  let said = false;
  for (;;) {
    await delay(LOOK_MS, undefined, { signal: over });
    const progress = await progressWithin(handle, answeredAt + SILENT_MS - performance.now());
    if (typeof progress !== 'string') {
      if (!said && !over.aborted) say(waitingFor(progress));
      said = true;
      answeredAt = performance.now();
    } else if (!(await isServerThere(handle))) {
      if (!said && !over.aborted) say('waiting for the Temporal server, which does not answer; Ctrl-C leaves');
      said = true;
      answeredAt = performance.now();
    } else if (performance.now() - answeredAt >= SILENT_MS) {
      return 'no-worker';
    }
  }
}

function waitingFor({ permits }: Progress): string {
  const what = permits.used === 1 ? '1 request in flight' : `${permits.used} requests in flight`;
  return `waiting for ${permits.used === 0 ? 'the end of the run' : what}; Ctrl-C leaves`;
}
