import { apportion, type ModelShare } from './allocation.js';
import type { Modality } from './modality.js';
import { candidates, type ModelTable, weights } from './model-table.js';

/** Items of one modality that wait for the same model and have the same history. */
export interface Queue {
  readonly model: string;
  readonly modality: Modality;
  /** Item indices, next first. */
  readonly items: readonly number[];
  /** How many items it had when it was made: queues are emptied in step, in proportion to this. */
  readonly size: number;
  /** Models that were asked before, oldest first. */
  readonly tried: readonly string[];
  /** Requests that the items have had. */
  readonly attempts: number;
  /** Prefixes of segments that a lost pack of these items may have left. */
  readonly takeOver: readonly string[];
  /** Times that the items came back without an attempt that counts: their worker was lost, or a rate limit met. */
  readonly setbacks: number;
  /** Run each item alone under its retry policy, and not before this time, epoch ms. Absent for packs. */
  readonly alone?: { readonly notBefore: number };
}

/** A pack: some items of a queue, to be done on one lane. */
export interface Pack extends Queue {
  /** Tokens that it may spend; absent without a limit. */
  readonly tokenBudget?: number;
}

/** Items that no model can take now. */
export interface Stranded {
  readonly modality: Modality;
  readonly items: readonly number[];
  readonly tried: readonly string[];
  readonly attempts: number;
  readonly takeOver: readonly string[];
}

/** The queues of fresh items: each modality's items in input order, dealt out by the chunk's shares. */
export function dealItems(
  modality: Modality,
  items: readonly number[],
  shares: readonly ModelShare[],
): { readonly queues: Queue[]; readonly rest: readonly number[] } {
  let position = 0;
  const queues = shares
    .filter((share) => share.items > 0)
    .map((share) => {
      const dealt = items.slice(position, position + share.items);
      position += share.items;
      return newQueue(share.model, modality, dealt);
    });
  return { queues, rest: items.slice(position) };
}

/** A queue of items that nobody has been asked yet. */
export function newQueue(model: string, modality: Modality, items: readonly number[]): Queue {
  return { model, modality, items, size: items.length, tried: [], attempts: 0, takeOver: [], setbacks: 0 };
}

/** The queue that a pack is cut from next: the one least far done; items to be tried again when no other is left. */
export function chooseQueue(queues: readonly Queue[], now: number): Queue | undefined {
  let best: Queue | undefined;
  for (const queue of queues) {
    if (queue.alone !== undefined && queue.alone.notBefore > now) continue;
    if (best === undefined || progressOf(queue) < progressOf(best)) best = queue;
  }
  return best;
}

function progressOf(queue: Queue): number {
  // Items that wait to be tried again come after fresh ones: time is what they need.
  if (queue.alone !== undefined) return 1;
  return 1 - queue.items.length / queue.size;
}

/** Cuts a pack of at most `size` items off a queue. Returns the pack and the queues without its items. */
export function cutPack(
  queues: readonly Queue[],
  queue: Queue,
  size: number,
): { readonly pack: Pack; readonly queues: Queue[] } {
  const length = queue.alone === undefined ? size : 1;
  const pack = { ...queue, items: queue.items.slice(0, length) };
  const rest = { ...queue, items: queue.items.slice(length) };
  return {
    pack,
    queues: queues.flatMap((other) => {
      if (other !== queue) return [other];
      return rest.items.length > 0 ? [rest] : [];
    }),
  };
}

/**
 * Moves the items of models that may not be asked now to those that may, in proportion to nodes; what no model can
 * take comes back as stranded.
 */
export function moveFromDown(
  queues: readonly Queue[],
  table: ModelTable,
  now: number,
): { readonly queues: Queue[]; readonly stranded: Stranded[]; readonly moved: readonly Queue[] } {
  const kept: Queue[] = [];
  const stranded: Stranded[] = [];
  const moved: Queue[] = [];
  for (const queue of queues) {
    const shares = weights(table, queue.modality, now);
    if (shares.some(({ model }) => model === queue.model)) kept.push(queue);
    else if (shares.length === 0) stranded.push(queue);
    else {
      moved.push(queue);
      kept.push(...redeal(queue, apportion(queue.items.length, shares)));
    }
  }
  return { queues: kept, stranded, moved };
}

function redeal(queue: Queue, shares: readonly ModelShare[]): Queue[] {
  const { queues } = dealItems(queue.modality, queue.items, shares);
  return queues.map((dealt) => ({ ...queue, model: dealt.model, items: dealt.items, size: dealt.size }));
}

/** A pack's items as a queue for the next best model after the one that gave them up; undefined when there is none. */
export function forNextModel(pack: Pack, table: ModelTable, now: number): Queue | undefined {
  const tried = [...pack.tried, pack.model];
  const up = candidates(table, pack.modality, now);
  const next = up.find(({ id }) => !tried.includes(id)) ?? up[0];
  return next === undefined ? undefined : { ...pack, model: next.id, tried, size: pack.items.length };
}

/** Items in queues. */
export function countItems(queues: readonly { readonly items: readonly number[] }[]): number {
  return queues.reduce((sum, { items }) => sum + items.length, 0);
}

/** Fresh items dealt anew among the models that may be asked now; those to be tried again stay with theirs. */
export function dealAnew(queues: readonly Queue[], table: ModelTable, now: number): Queue[] {
  return queues.flatMap((queue) => {
    const shares = weights(table, queue.modality, now);
    const stays = queue.alone !== undefined || queue.tried.length > 0 || shares.length === 0;
    return stays ? [queue] : redeal(queue, apportion(queue.items.length, shares));
  });
}
