import { inputsOf } from '../batch/api.js';
import type { PackItem } from '../store/pack-items.js';

/** Items that one request asks about; the first stands for all where a request is counted. */
export type Together = readonly [PackItem, ...PackItem[]];

/** A request that was refused and is sent in two halves. */
export interface Halved {
  /** Its inputs. */
  readonly inputs: number;
  /** Halves that were answered whole. */
  answered: number;
}

/** Items to ask together. */
export interface ItemGroup {
  readonly items: Together;
  /** The request that they are a half of. */
  readonly halfOf?: Halved;
}

/** Returns the number of inputs of items. */
export function countInputs(items: readonly PackItem[]): number {
  return items.reduce((sum, { input, prompt }) => sum + inputsOf(input ?? prompt).length, 0);
}

/** Returns the two halves of a group of several items, to find out which of them is refused. */
export function halvesOf({ items }: ItemGroup): readonly ItemGroup[] {
  const halfOf: Halved = { inputs: countInputs(items), answered: 0 };
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)].flatMap(([first, ...others]) =>
    first === undefined ? [] : [{ items: [first, ...others], halfOf }],
  );
}

/** What an item may be asked with. */
export interface GroupRule {
  /** Maximum number of inputs of a request. */
  readonly most: number;
  /** Attempts that it has had: only items with as many go together. */
  readonly attempts: number;
}

/** Collects items until there are as many as one request may ask about. */
export class ItemGroups {
  private readonly open = new Map<string, PackItem[]>();

  constructor(private readonly ruleOf: (item: PackItem) => GroupRule) {}

  /** Takes the next item. Returns a group that is full. */
  add(item: PackItem): Together | undefined {
    const { most, attempts } = this.ruleOf(item);
    const inputs = countInputs([item]);
    if (inputs >= most) return [item];
    const key = `${attempts} ${kindOf(item)} ${JSON.stringify(item.body ?? null)}`;
    const before = this.open.get(key) ?? [];
    const size = countInputs(before) + inputs;
    const full = size > most ? before : [...before, item];
    this.open.set(key, size < most ? full : size > most ? [item] : []);
    return size < most ? undefined : together(full);
  }

  /** Returns the groups that are not full. */
  rest(): Together[] {
    const groups = [...this.open.values()].map(together);
    this.open.clear();
    return groups.filter((group) => group !== undefined);
  }
}

function together([first, ...others]: readonly PackItem[]): Together | undefined {
  return first === undefined ? undefined : [first, ...others];
}

/** Texts and tokens do not go together in one list. */
function kindOf({ input }: PackItem): string {
  if (!Array.isArray(input)) return 'text';
  return input.every((entry) => typeof entry === 'string') ? 'text' : 'other';
}
