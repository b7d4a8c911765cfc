import { CancellationScope, isCancellation, proxySinks } from '@temporalio/workflow';
import { WITHDRAWAL_SINK, type WithdrawalSinks } from '../batch/withdrawal.js';
import type { PackProgress } from '../batch/work.js';
import { type InferCall, runInfer } from './activities.js';

const { [WITHDRAWAL_SINK]: sink } = proxySinks<WithdrawalSinks>();

/** How a pack ended. `withdrawn`: taken back before it said what it had done. */
export type PackEnd =
  | { readonly kind: 'done'; readonly progress: PackProgress }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** The packs of a chunk that are under way. */
export class PacksUnderWay {
  /** Those that have not been taken back, with the lanes that each holds. */
  private readonly wanted = new Map<CancellationScope, number>();
  private readonly calls = new Set<InferCall>();
  private held = 0;

  /** How many there are. */
  get size(): number {
    return this.calls.size;
  }

  /** True when some may spend what they like: nobody knows what these have spent until they end. */
  get areUnlimited(): boolean {
    return [...this.calls].some(({ pack }) => pack.tokenBudget === undefined);
  }

  /** Lanes that they hold together. */
  get lanes(): number {
    return this.held;
  }

  /** Runs a pack and tells how it ended while it still counts as under way. Rejects only with what `onEnd` throws. */
  async run(call: InferCall, onEnd: (end: PackEnd) => void): Promise<void> {
    this.calls.add(call);
    this.held += call.lanes;
    try {
      onEnd(await this.outcome(call));
    } finally {
      this.calls.delete(call);
      this.held -= call.lanes;
    }
  }

  private async outcome(call: InferCall): Promise<PackEnd> {
    const chunk = CancellationScope.current();
    const scope = new CancellationScope();
    this.wanted.set(scope, call.lanes);
    let isUnderWay = true;
    // Also when the chunk is cancelled as a whole; its scope outlives the pack.
    scope.cancelRequested.catch(() => {
      if (isUnderWay) sink.withdrawn(call.activityId);
    });
    try {
      return { kind: 'done', progress: await scope.run(() => runInfer(call)) };
    } catch (error) {
      // A chunk that is cancelled as a whole takes nothing back: it ends.
      const isWithdrawn = isCancellation(error) && !this.wanted.has(scope) && !chunk.consideredCancelled;
      return isWithdrawn ? { kind: 'withdrawn' } : { kind: 'failed', error };
    } finally {
      isUnderWay = false;
      this.wanted.delete(scope);
    }
  }

  /** Takes back packs until so many lanes have been taken back and not come free yet. */
  withdrawSome(lanes: number): void {
    const kept = [...this.wanted.values()].reduce((sum, held) => sum + held, 0);
    let more = lanes - (this.held - kept);
    for (const [pack, held] of this.wanted) {
      if (more <= 0) return;
      more -= held;
      this.takeBack(pack);
    }
  }

  /** Takes back all packs: each ends after its request, keeps its answers and hands back the rest. */
  withdraw(): void {
    for (const pack of this.wanted.keys()) this.takeBack(pack);
  }

  private takeBack(pack: CancellationScope): void {
    this.wanted.delete(pack);
    pack.cancel();
  }
}
