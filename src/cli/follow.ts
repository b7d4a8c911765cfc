import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { noLess } from '../batch/live-progress.js';
import type { Progress } from '../batch/progress.js';
import type { BatchResult } from '../batch/run.js';
import type { BatchHandle } from '../client.js';
import { isInReview } from './canary-review.js';
import { isNamed, isRunFailed, UserError } from './errors.js';
import { aborted } from './interrupt.js';
import type { Reporter } from './terminal/reporter.js';

/** Time between two looks at a run, ms: each is a workflow task on the run's worker, and a long run changes slowly. */
const LOOK_MS = 1_000;
const SELDOM_LOOK_MS = 3_000;

/** A run is long from here on, ms after it was first looked at. */
const LONG_RUN_MS = 60_000;

/** Time without an answer after which a person is told that no worker answers, ms. */
const SILENT_MS = 10_000;

/** How following a run ended. */
export type Followed =
  | { readonly kind: 'ended'; readonly result: BatchResult }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'detached' };

/** What following needs. */
export interface FollowOptions {
  readonly handle: BatchHandle;
  readonly reporter: Reporter;
  /** Aborted when the person leaves. */
  readonly interrupt: AbortSignal;
  /** Rejects when the worker in this process cannot go on. */
  readonly worker?: Promise<void>;
  /**
   * Lets a person look at a canary that has ended. Tells whether the run was let go on; undefined where nobody can be
   * asked, and the run waits for somebody elsewhere.
   */
  readonly review: (progress: Progress) => Promise<boolean | undefined>;
}

/** Shows a run's progress until it ends or the person leaves. Throws a `UserError` when the run failed. */
export async function follow(options: FollowOptions): Promise<Followed> {
  const ended = new AbortController();
  const declined = new AbortController();
  const showing = showProgress(options, ended.signal, declined);
  // What fails while showing ends the following; what ends well leaves it to the run.
  const shown = showing.then(() => new Promise<never>(() => undefined));
  try {
    return await Promise.race([
      outcome(options.handle),
      left(options.interrupt, ended.signal),
      left(declined.signal, ended.signal),
      broken(options.worker),
      shown,
    ]);
  } finally {
    ended.abort();
    await showing.catch(() => undefined);
  }
}

async function outcome(handle: BatchHandle): Promise<Followed> {
  try {
    return { kind: 'ended', result: await handle.result() };
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
  { handle, reporter, review }: FollowOptions,
  ended: AbortSignal,
  declined: AbortController,
): Promise<void> {
  const start = performance.now();
  const silence = new Silence(() => reporter.warn(nobodyAnswers(handle.id)));
  let reviewed = false;
  let shown: Progress | undefined;
  while (!ended.aborted) {
    const progress = await look(handle);
    if (ended.aborted) return;
    if (progress === undefined) silence.lasts();
    else {
      shown = noLess(shown, progress);
      reporter.progress(shown);
      silence.ends();
      if (isInReview(progress) && !reviewed) {
        reviewed = true;
        if ((await review(progress)) === false) declined.abort();
      }
    }
    const wait = performance.now() - start < LONG_RUN_MS ? LOOK_MS : SELDOM_LOOK_MS;
    await delay(wait, undefined, { signal: ended }).catch(() => undefined);
  }
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
async function look(handle: BatchHandle): Promise<Progress | undefined> {
  try {
    return await handle.progress();
  } catch {
    return undefined;
  }
}

/** What ended a run, in words: the innermost cause, which is what an activity or the workflow said. */
function runFailed(id: string, error: WorkflowFailedError): UserError {
  let cause: unknown = error.cause;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  const message = cause instanceof Error ? cause.message : error.message;
  const type = cause instanceof Error && 'type' in cause ? cause.type : undefined;
  const hint =
    type === 'Unauthorized'
      ? 'Check DRIA_API_KEY. Finished answers are kept: the same command goes on with them.'
      : 'Finished answers are kept: the same command goes on with them.';
  return new UserError(`the run ${id} ended: ${message}`, { exitCode: 1, hint, cause: error });
}
