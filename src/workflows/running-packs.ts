import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  inWorkflowContext,
  isCancellation,
  proxySinks,
  TimeoutFailure,
} from '@temporalio/workflow';
import { isPackFailure, type PackResult } from '../batch/activity-contract.js';
import type { Pack } from '../batch/chunk-state.js';
import { NO_COUNTS } from '../batch/counts.js';
import type { PackFailure } from '../batch/settle-pack.js';
import { WITHDRAWAL_SINK, type WithdrawalSinks } from '../batch/withdrawal.js';
import { type InferCall, runInfer } from './activities.js';

const { [WITHDRAWAL_SINK]: sink } = proxySinks<WithdrawalSinks>();

/** How a pack ended. `withdrawn`: taken back before it returned what it had done; `lost`: with its worker. */
export type PackEnd =
  | { readonly kind: 'done'; readonly result: PackResult }
  | { readonly kind: 'failed'; readonly failure: PackFailure }
  | { readonly kind: 'withdrawn' | 'lost' };

interface RunningPack {
  readonly pack: Pack;
  readonly revision: number;
  readonly scope: CancellationScope;
}

/** The packs of a chunk that activities work on. */
export class RunningPacks {
  private readonly running = new Set<RunningPack>();
  private readonly withdrawn = new Set<RunningPack>();

  /** The number of packs. */
  get size(): number {
    return this.running.size;
  }

  /** Returns the permits of the packs cut under a revision, or of all. */
  permits(revision?: number): number {
    let sum = 0;
    for (const running of this.running) {
      if (revision === undefined || running.revision === revision) sum += running.pack.permits;
    }
    return sum;
  }

  /** Returns true if some pack may spend any number of tokens: what it has spent shows when it ends. */
  get isUnlimited(): boolean {
    return [...this.running].some(({ pack }) => pack.tokens === undefined);
  }

  /** Runs a pack, and calls `onEnd` while it still counts as running. Rejects for an error that no rule expects. */
  async run(call: InferCall, revision: number, onEnd: (end: PackEnd) => void): Promise<void> {
    const running: RunningPack = { pack: call.pack, revision, scope: new CancellationScope() };
    this.running.add(running);
    try {
      onEnd(await this.outcome(call, running));
    } finally {
      this.running.delete(running);
      this.withdrawn.delete(running);
    }
  }

  /** Takes back all packs: each ends after its requests in flight, and hands back the rest. */
  withdraw(): void {
    for (const running of this.running) {
      if (this.withdrawn.has(running)) continue;
      this.withdrawn.add(running);
      running.scope.cancel();
    }
  }

  private async outcome(call: InferCall, running: RunningPack): Promise<PackEnd> {
    let isRunning = true;
    // Also if the chunk is cancelled as a whole; its scope outlives the pack. After a workflow task that has failed this may be
    // called outside of the workflow: an error in it, which nobody awaits, would end the worker.
    running.scope.cancelRequested.catch(() => {
      if (isRunning && inWorkflowContext()) sink.withdrawn(call.activityId);
    });
    try {
      return { kind: 'done', result: await running.scope.run(() => runInfer(call)) };
    } catch (error) {
      // A chunk that is cancelled as a whole takes nothing back: it ends.
      if (isCancellation(error) && this.withdrawn.has(running)) return { kind: 'withdrawn' };
      return endOfFailure(error, call.pack);
    } finally {
      isRunning = false;
    }
  }
}

/** Throws what it does not expect: a bug must end the run, and not be guessed at. */
function endOfFailure(error: unknown, pack: Pack): PackEnd {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure) return { kind: 'lost' };
  if (!(cause instanceof ApplicationFailure) || !isPackFailure(cause.type)) throw error;
  const [detail] = cause.details ?? [];
  const result = isPackResult(detail) ? detail : nothingDone(pack);
  return { kind: 'failed', failure: { type: cause.type, message: cause.message, result } };
}

function isPackResult(detail: unknown): detail is PackResult {
  return typeof detail === 'object' && detail !== null && 'counts' in detail && 'open' in detail;
}

function nothingDone({ items }: Pack): PackResult {
  return { counts: NO_COUNTS, failed: '', refused: '', open: items, lastFailures: [], notes: [] };
}
