/** A block of a prompt, in characters: what servers keep of prompts is in blocks of about so much. */
const BLOCK_CHARS = 64;

/** Blocks of a prompt that are compared: 16,384 characters. */
const MAX_BLOCKS = 256;

/** Blocks that two prompts must share to be asked one after the other: less is not worth a place in a cache. */
const MIN_SHARED = 4;

/** Bytes of a position in the order of a run. */
export const ORDER_BYTES = 4;

/** The parts of an item that its prompt is made of, in the order in which a model reads them. */
export interface PromptParts {
  readonly system?: string | undefined;
  readonly prompt: string;
}

/** Returns what models read of an item before anything that is its own. */
export function promptText({ system, prompt }: PromptParts): string {
  return system === undefined ? prompt : `${system}\n${prompt}`;
}

/** The beginning of a prompt: a hash of each of its blocks, so that long prompts need little memory. */
export type PromptBlocks = Uint32Array;

/** Returns the beginning of an item's prompt. */
export function promptBlocks(item: PromptParts): PromptBlocks {
  const text = promptText(item);
  const blocks = new Uint32Array(Math.min(Math.floor(text.length / BLOCK_CHARS), MAX_BLOCKS));
  for (let block = 0; block < blocks.length; block++) blocks[block] = hashOf(text, block * BLOCK_CHARS);
  return blocks;
}

/** FNV-1a of a block's characters. */
function hashOf(text: string, start: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < start + BLOCK_CHARS; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/**
 * Returns the positions of prompts in the order in which they share most: those with the longest common beginning one
 * after the other, and otherwise as they were. `undefined` stands for an item that is not asked.
 */
export function prefixOrder(prompts: readonly (PromptBlocks | undefined)[]): number[] {
  const sorted = prompts.map((_, position) => position).sort((a, b) => compare(prompts[a], prompts[b]) || a - b);
  const shared = sorted.map((position, at) =>
    at === 0 ? 0 : sharedBlocks(prompts[sorted[at - 1] ?? 0], prompts[position]),
  );
  return arranged(sorted, shared, 0, sorted.length);
}

const NO_BLOCKS: PromptBlocks = new Uint32Array();

function compare(a = NO_BLOCKS, b = NO_BLOCKS): number {
  const common = commonBlocks(a, b);
  return common < Math.min(a.length, b.length) ? (a[common] ?? 0) - (b[common] ?? 0) : a.length - b.length;
}

function sharedBlocks(a = NO_BLOCKS, b = NO_BLOCKS): number {
  const common = commonBlocks(a, b);
  return common < MIN_SHARED ? 0 : common;
}

function commonBlocks(a: PromptBlocks, b: PromptBlocks): number {
  const most = Math.min(a.length, b.length);
  let common = 0;
  while (common < most && a[common] === b[common]) common++;
  return common;
}

/**
 * Arranges the sorted positions `[from, to)`: splits them where they share least, and puts the groups in the order of their
 * first items. So items that share nothing more than all others keep their order.
 */
function arranged(sorted: readonly number[], shared: readonly number[], from: number, to: number): number[] {
  if (to - from === 1) return [sorted[from] ?? 0];
  let least = Number.POSITIVE_INFINITY;
  for (let at = from + 1; at < to; at++) least = Math.min(least, shared[at] ?? 0);
  const groups: { readonly first: number; readonly positions: readonly number[] }[] = [];
  let start = from;
  for (let at = from + 1; at <= to; at++) {
    if (at < to && shared[at] !== least) continue;
    const positions = arranged(sorted, shared, start, at);
    groups.push({
      first: positions.reduce((first, position) => Math.min(first, position), Number.POSITIVE_INFINITY),
      positions,
    });
    start = at;
  }
  return groups.sort((a, b) => a.first - b.first).flatMap(({ positions }) => positions);
}

/** Collects the order of a run's items, chunk after chunk. */
export class PrefixOrderWriter {
  private readonly chunks: Uint8Array[] = [];
  private prompts: (PromptBlocks | undefined)[] = [];
  /** Items of the chunks so far. */
  private items = 0;

  constructor(private readonly chunkSize: number) {}

  /** Adds the next item; undefined for one that is not asked. */
  add(prompt: PromptBlocks | undefined): void {
    this.prompts.push(prompt);
    if (this.prompts.length === this.chunkSize) this.endChunk();
  }

  /** Returns the whole object, in pieces to be written one after another: for each position the item. */
  blocks(): Uint8Array[] {
    if (this.prompts.length > 0) this.endChunk();
    return this.chunks;
  }

  private endChunk(): void {
    const order = prefixOrder(this.prompts);
    const bytes = new DataView(new ArrayBuffer(order.length * ORDER_BYTES));
    order.forEach((place, position) => {
      bytes.setUint32(position * ORDER_BYTES, this.items + place, true);
    });
    this.chunks.push(new Uint8Array(bytes.buffer));
    this.items += order.length;
    this.prompts = [];
  }
}

/**
 * Reads the order of the items from `first` on: each item's place among them. Returns undefined for what is no order of so many
 * items.
 */
export function decodeOrder(bytes: Uint8Array, items: number, first = 0): number[] | undefined {
  if (bytes.byteLength !== items * ORDER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places = Array.from({ length: items }, (_, position) => view.getUint32(position * ORDER_BYTES, true) - first);
  const isWhole = places.every((place) => place >= 0 && place < items) && new Set(places).size === items;
  return isWhole ? places : undefined;
}
