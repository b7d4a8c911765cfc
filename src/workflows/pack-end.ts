import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/workflow';
import type { ChunkState } from '../batch/chunk-state.js';
import { encodeItems } from '../batch/item-ranges.js';
import { failAlone, finishPack, holdPack, leaveModel } from '../batch/pack-outcome.js';
import type { WorkflowOptions } from '../batch/run.js';
import { type FailureType, isRetryable, type PackProgress } from '../batch/work.js';
import type { Pack } from '../batch/work-queue.js';

/** The state after a pack that came back. */
export function afterPack(state: ChunkState, pack: Pack, progress: PackProgress, options: WorkflowOptions): ChunkState {
  return finishPack(state, pack, progress, options, Date.now());
}

/** A pack whose activity failed. */
export interface FailedPack {
  readonly pack: Pack;
  readonly error: unknown;
  /** When it was started, epoch ms. */
  readonly startedAt: number;
  /** Gives the state when the pack was lost with its worker. */
  readonly lose: () => ChunkState;
}

/** The state after a pack's failure. Throws what it does not know: a bug must end the run, not be guessed at. */
export function afterFailure(state: ChunkState, failed: FailedPack, options: WorkflowOptions): ChunkState {
  const { pack, error, startedAt: askedAt, lose } = failed;
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  if (cause instanceof TimeoutFailure) return lose();
  if (!(cause instanceof ApplicationFailure)) throw error;
  const progress = progressOf(cause, pack);
  const failure = { type: cause.type as FailureType, message: cause.message };
  const now = Date.now();
  switch (failure.type) {
    case 'NoNodesAvailable':
    case 'ModalityRefused':
      return leaveModel(state, pack, progress, failure, options, now);
    case 'Unauthorized':
    case 'PaymentRequired':
      return holdPack(state, pack, progress, { type: failure.type, message: failure.message, askedAt }, options, now);
    default:
      if (pack.items.length === 1 && isItemFailure(failure.type)) return failAlone(state, pack, progress, failure, now);
      throw error;
  }
}

function isItemFailure(type: FailureType): boolean {
  return isRetryable(type) || type === 'InvalidRequest' || type === 'InvalidAttachment';
}

/** The progress in a failure's details; none of ours there means that nothing was done. */
function progressOf(cause: ApplicationFailure, pack: Pack): PackProgress {
  const [detail] = cause.details ?? [];
  if (isPackProgress(detail)) return detail;
  return {
    segments: [],
    ok: 0,
    truncated: 0,
    tokens: 0,
    requests: 0,
    empty: 0,
    wastedTokens: 0,
    latency: {},
    unfinished: [],
    remaining: encodeItems(pack.items),
  };
}

function isPackProgress(detail: unknown): detail is PackProgress {
  return typeof detail === 'object' && detail !== null && 'segments' in detail && 'remaining' in detail;
}
