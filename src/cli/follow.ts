import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { batchFailureOf } from '../batch/batch-failure.js';
import { noLess } from '../batch/live-progress.js';
import type { Progress } from '../batch/progress.js';
import type { BatchResult } from '../batch/run.js';
import { NO_PROGRESS } from '../batch/run-view.js';
import type { BatchHandle } from '../client.js';
import { progressWithin } from './ask-progress.js';
import { isNamed, isRunFailed, runFailureWords, UserError } from './errors.js';
import { aborted } from './interrupt.js';
import { isServerThere, throughAbsence } from './server-away.js';
import type { Reporter } from './terminal/reporter.js';

/** Time between two looks at a run, ms: each is a workflow task on the run's worker, and a long run changes slowly. */
const LOOK_MS = 1_000;
const SELDOM_LOOK_MS = 3_000;

/** A run is long from here on, ms after it was first looked at. */
const LONG_RUN_MS = 60_000;

/** Longest time that an answer to a look may take, ms: after that it is asked whether the server is there. */
const ANSWER_MS = 10_000;

/** Time without an answer after which a person is told that no worker answers, ms. */
const SILENT_MS = 10_000;

/** How following a run ended. */
export type Followed =
  | { readonly kind: 'ended'; readonly result: BatchResult }
  | { readonly kind: 'cancelled' }
  /** It is paused, and nobody is here to ask. */
  | { readonly kind: 'paused'; readonly progress: Progress }
  | { readonly kind: 'detached' };

/** What following needs. */
export interface FollowOptions {
  readonly handle: BatchHandle;
  readonly reporter: Reporter;
  /** Aborted when the person leaves. */
  readonly interrupt: AbortSignal;
  /** Rejects when the worker in this process cannot go on. */
  readonly worker?: Promise<void>;
  /** Called once for each pause. Returns how the following ends with it; undefined when it does not. */
  readonly onPause: (progress: Progress) => Promise<Followed | undefined>;
}

/** Shows a run's progress until it ends or the person leaves. Throws a `UserError` when the run failed. */
export async function follow(options: FollowOptions): Promise<Followed> {
  const ended = new AbortController();
  const showing = showProgress(options, ended.signal);
  // Showing ends the following by a pause or a failure; else the run's end does.
  const shown = showing.then((followed) => followed ?? new Promise<never>(() => undefined));
  try {
    return await Promise.race([
      outcome(options.handle, ended.signal),
      left(options.interrupt, ended.signal),
      broken(options.worker),
      shown,
    ]);
  } finally {
    ended.abort();
    await showing.catch(() => undefined);
  }
}

async function outcome(handle: BatchHandle, ended: AbortSignal): Promise<Followed> {
  try {
    return { kind: 'ended', result: await throughAbsence(() => handle.result(), ended) };
  } catch (error) {
    if (!isRunFailed(error)) throw error;
    if (isNamed(error.cause, 'CancelledFailure')) return { kind: 'cancelled' };
    throw runFailed(handle.id, error);
  }
}

async function left(interrupt: AbortSignal, ended: AbortSignal): Promise<Followed> {
  await aborted(interrupt, ended);
  return { kind: 'detached' };
}

async function broken(worker: Promise<void> | undefined): Promise<never> {
  await worker;
  // A worker that left in good order ends nothing: the run does.
  return await new Promise<never>(() => undefined);
}

async function showProgress(
  { handle, reporter, onPause }: FollowOptions,
  ended: AbortSignal,
): Promise<Followed | undefined> {
  const start = performance.now();
  const silence = new Silence(() => reporter.warn(nobodyAnswers(handle.id)));
  let wasPaused = false;
  let shown: Progress | undefined;
  let answeredAt = Date.now();
  const over = new Promise<undefined>((resolve) => ended.addEventListener('abort', () => resolve(undefined)));
  while (!ended.aborted) {
    const progress = await Promise.race([look(handle), over]);
    if (progress === undefined) return undefined;
    if (progress === 'no-server') reporter.progress(withoutServer(shown, answeredAt));
    else answeredAt = Date.now();
    if (progress === 'no-worker') silence.lasts();
    else silence.ends();
    if (typeof progress !== 'string') {
      shown = noLess(shown, progress);
      reporter.progress(shown);
      const isPaused = progress.state === 'paused';
      const followed = isPaused && !wasPaused ? await onPause(shown) : undefined;
      if (followed !== undefined) return followed;
      wasPaused = isPaused;
    }
    const wait = performance.now() - start < LONG_RUN_MS ? LOOK_MS : SELDOM_LOOK_MS;
    await delay(wait, undefined, { signal: ended }).catch(() => undefined);
  }
  return undefined;
}

/** Time in which no worker answers; a person is told once when it was long. */
class Silence {
  private since = performance.now();
  private isTold = false;

  constructor(private readonly tell: () => void) {}

  ends(): void {
    this.since = performance.now();
    this.isTold = false;
  }

  lasts(): void {
    if (this.isTold || performance.now() - this.since <= SILENT_MS) return;
    this.isTold = true;
    this.tell();
  }
}

function nobodyAnswers(id: string): string {
  return `no worker answers for ${id}; start one with \`dria-temporal worker\`, or look at its task queue`;
}

/** A run that is just starting, or whose worker is just starting, does not answer yet. */
async function look(handle: BatchHandle): Promise<Progress | 'no-worker' | 'no-server'> {
  const progress = await progressWithin(handle, ANSWER_MS);
  if (typeof progress !== 'string') return progress;
  return (await isServerThere(handle)) ? 'no-worker' : 'no-server';
}

/** What was last known, while the server is away: it may come back at any time. */
function withoutServer(shown: Progress | undefined, since: number): Progress {
  const text = 'the Temporal server does not answer';
  return { ...NO_PROGRESS, startedAt: since, ...shown, state: 'waiting', waiting: { text, since } };
}

/** What ended a run, in words. */
function runFailed(id: string, error: WorkflowFailedError): UserError {
  const hint =
    batchFailureOf(error)?.kind === 'Unauthorized'
      ? 'Check DRIA_API_KEY. Finished answers are kept: the same command goes on with them.'
      : 'Finished answers are kept: the same command goes on with them.';
  return new UserError(`the run ${id} ended: ${runFailureWords(error)}`, { exitCode: 1, hint, cause: error });
}
