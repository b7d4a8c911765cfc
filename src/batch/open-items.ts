import { countItems, type ItemRanges, joinItems, splitItems } from './item-ranges.js';
import type { Modality } from './modality.js';

/** Items in no pack that have the same history. */
export interface OpenItems {
  readonly modality: Modality;
  /** The model that they name: no other is asked about them. Absent if they name none. */
  readonly model?: string;
  readonly items: ItemRanges;
  /** Targets that have refused them: not asked again. */
  readonly refusedBy: readonly string[];
  /** Targets whose answers do not satisfy the schema: not asked while another one can be. Absent if there are none. */
  readonly misfitOf?: readonly string[];
  /** Their last attempt failed: not asked before this time, epoch ms. Absent for items without a failed attempt. */
  readonly retryAt?: number;
  /** A worker may have recorded outcomes of them that this chunk has no word of. */
  readonly reread?: boolean;
  /** Times that their pack was lost with its worker. */
  readonly losses: number;
}

/** Returns items that nobody has been asked about. */
export function newItems(modality: Modality, items: ItemRanges, model?: string): OpenItems {
  return { modality, ...(model === undefined ? {} : { model }), items, refusedBy: [], losses: 0 };
}

/** Adds items to the open ones; those with the same history are joined. */
export function addOpen(groups: readonly OpenItems[], more: OpenItems): readonly OpenItems[] {
  if (more.items === '') return groups;
  const at = groups.findIndex((group) => hasSameHistory(group, more));
  const same = groups[at];
  if (same === undefined) return [...groups, more];
  const retryAt = same.retryAt === undefined ? {} : { retryAt: Math.max(same.retryAt, more.retryAt ?? 0) };
  return groups.with(at, { ...same, items: joinItems(same.items, more.items), ...retryAt });
}

/** How far apart the times of two groups may be to be asked again together, ms. */
const TOGETHER_MS = 1_000;

function hasSameHistory(a: OpenItems, b: OpenItems): boolean {
  return (
    a.modality === b.modality &&
    a.model === b.model &&
    a.losses === b.losses &&
    a.reread === b.reread &&
    a.refusedBy.join('\n') === b.refusedBy.join('\n') &&
    a.misfitOf?.join('\n') === b.misfitOf?.join('\n') &&
    (a.retryAt === undefined) === (b.retryAt === undefined) &&
    Math.abs((a.retryAt ?? 0) - (b.retryAt ?? 0)) <= TOGETHER_MS
  );
}

/** Takes the first `count` items of a group. Returns them and the groups without them. */
export function takeOpen(
  groups: readonly OpenItems[],
  group: OpenItems,
  count: number,
): { readonly taken: OpenItems; readonly groups: readonly OpenItems[] } {
  const [items, rest] = splitItems(group.items, count);
  const others = groups.flatMap((other) => {
    if (other !== group) return [other];
    return rest === '' ? [] : [{ ...group, items: rest }];
  });
  return { taken: { ...group, items }, groups: others };
}

/** Counts the items of groups. */
export function countOpen(groups: readonly OpenItems[]): number {
  return groups.reduce((sum, { items }) => sum + countItems(items), 0);
}

/** Returns the groups that may be asked by `time`, epoch ms: items without a failed attempt first. */
export function dueBy(groups: readonly OpenItems[], time: number): readonly OpenItems[] {
  const fresh = groups.filter(({ retryAt }) => retryAt === undefined);
  return [...fresh, ...groups.filter(({ retryAt }) => retryAt !== undefined && retryAt <= time)];
}

/** Returns when the next group that waits after a failed attempt is due, epoch ms after `now`; undefined if none waits. */
export function nextRetryAt(groups: readonly OpenItems[], now: number): number | undefined {
  const times = groups.flatMap(({ retryAt = 0 }) => (retryAt > now ? [retryAt] : []));
  return times.length === 0 ? undefined : Math.min(...times);
}
