import { KEY_BYTES } from './content-key.js';
import { type ItemRecords, RecordBlocks } from './record-blocks.js';
import type { ScratchFile } from './scratch-file.js';

/**
 * Size of a record of the keys object (bytes). Records are in item order, so that one range read returns those of consecutive
 * items. A record is the key, zeros for an item without one, then as little-endian uint32 its link and a checksum of both and
 * of its place. The link of an item that is the same as an earlier one is the earlier one's index; that of another item is the
 * number of later ones that are the same.
 */
export const KEY_RECORD_BYTES = 24;

const LINK_AT = KEY_BYTES;
const CRC_AT = LINK_AT + 4;
const BLOCK_ITEMS = 65_536;
const NO_KEY = Buffer.alloc(KEY_BYTES);

/** Collects the keys of an input's items. */
export interface KeysWriter {
  /** Adds the next item, without a key if it has none. Returns the first item that is the same, if that is to be found. */
  add(key: Uint8Array | undefined): number | undefined;
  /** Returns the whole object. To be called once. */
  records(): ItemRecords;
}

/** Collects keys of items that are all asked, whether or not they are the same. Many are kept in `file`. */
export class PlainKeys implements KeysWriter {
  private readonly blocks: RecordBlocks;
  private block = Buffer.alloc(BLOCK_ITEMS * KEY_RECORD_BYTES);
  private items = 0;

  constructor(file?: ScratchFile) {
    this.blocks = new RecordBlocks(BLOCK_ITEMS * KEY_RECORD_BYTES, file);
  }

  add(key: Uint8Array | undefined): undefined {
    const at = (this.items % BLOCK_ITEMS) * KEY_RECORD_BYTES;
    if (key !== undefined) this.block.set(key, at);
    this.block.writeUInt32LE(checksum(this.block, at, this.items), at + CRC_AT);
    this.items++;
    if (this.items % BLOCK_ITEMS !== 0) return;
    this.blocks.push(this.block);
    this.block = Buffer.alloc(BLOCK_ITEMS * KEY_RECORD_BYTES);
  }

  records(): ItemRecords {
    const rest = this.items % BLOCK_ITEMS;
    if (rest > 0) this.blocks.push(this.block.subarray(0, rest * KEY_RECORD_BYTES));
    return this.blocks;
  }
}

/** Collects keys and finds those that are the same. Takes up to 35 bytes an item. */
export class ItemKeys implements KeysWriter {
  private readonly blocks: Buffer[] = [];
  private items = 0;
  /** Open addressing; a slot is an item's index plus one, 0 if it is free. */
  private slots = new Uint32Array(1024);
  private used = 0;

  add(key: Uint8Array | undefined): number | undefined {
    const item = this.items++;
    if (item % BLOCK_ITEMS === 0) this.blocks.push(Buffer.alloc(BLOCK_ITEMS * KEY_RECORD_BYTES));
    if (key === undefined) return undefined;
    const { block, at } = this.place(item);
    block.set(key, at);
    const first = this.claim(item);
    if (first === item) return undefined;
    block.writeUInt32LE(first, at + LINK_AT);
    const { block: other, at: there } = this.place(first);
    other.writeUInt32LE(other.readUInt32LE(there + LINK_AT) + 1, there + LINK_AT);
    return first;
  }

  records(): ItemRecords {
    for (let item = 0; item < this.items; item++) {
      const { block, at } = this.place(item);
      block.writeUInt32LE(checksum(block, at, item), at + CRC_AT);
    }
    const records = new RecordBlocks(BLOCK_ITEMS * KEY_RECORD_BYTES);
    this.blocks.forEach((block, number) => {
      records.push(block.subarray(0, (this.items - number * BLOCK_ITEMS) * KEY_RECORD_BYTES));
    });
    return records;
  }

  private place(item: number): { readonly block: Buffer; readonly at: number } {
    const block = this.blocks[Math.floor(item / BLOCK_ITEMS)] ?? NO_KEY;
    return { block, at: (item % BLOCK_ITEMS) * KEY_RECORD_BYTES };
  }

  /** Returns the item that has the key of this one: itself if it is the first. */
  private claim(item: number): number {
    if (this.used >= this.slots.length * 0.75) this.grow();
    const slot = this.slotOf(item);
    const taken = this.slots[slot] ?? 0;
    if (taken !== 0) return taken - 1;
    this.slots[slot] = item + 1;
    this.used++;
    return item;
  }

  private slotOf(item: number): number {
    const { block, at } = this.place(item);
    const mask = this.slots.length - 1;
    let slot = block.readUInt32LE(at) & mask;
    for (let taken = this.slots[slot] ?? 0; taken !== 0; taken = this.slots[slot] ?? 0) {
      const other = this.place(taken - 1);
      if (other.block.compare(block, at, at + KEY_BYTES, other.at, other.at + KEY_BYTES) === 0) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Uint32Array(slots.length * 2);
    for (const taken of slots) if (taken !== 0) this.slots[this.slotOf(taken - 1)] = taken;
  }
}

/** Records of consecutive items, from item `first` on. One that is not what was written has no key and no link. */
export class KeyRecords {
  constructor(
    private readonly bytes: Buffer,
    private readonly first = 0,
  ) {}

  /** Returns true for an item that has a key. */
  hasKey(item: number): boolean {
    const at = this.at(item);
    return this.isWhole(item) && this.bytes.compare(NO_KEY, 0, KEY_BYTES, at, at + KEY_BYTES) !== 0;
  }

  /** Returns true if two items have the same key. */
  isSame(item: number, others: KeyRecords, other: number): boolean {
    const [at, there] = [this.at(item), others.at(other)];
    return this.bytes.compare(others.bytes, there, there + KEY_BYTES, at, at + KEY_BYTES) === 0;
  }

  /** Returns a number that is the same for items with the same key. */
  hash(item: number): number {
    return this.bytes.readUInt32LE(this.at(item));
  }

  /** Returns the link of an item; undefined if its record is not what was written. */
  link(item: number): number | undefined {
    return this.isWhole(item) ? this.bytes.readUInt32LE(this.at(item) + LINK_AT) : undefined;
  }

  private at(item: number): number {
    return (item - this.first) * KEY_RECORD_BYTES;
  }

  private isWhole(item: number): boolean {
    const at = this.at(item);
    if (at < 0 || at + KEY_RECORD_BYTES > this.bytes.length) return false;
    return this.bytes.readUInt32LE(at + CRC_AT) === checksum(this.bytes, at, item);
  }
}

/** Items `0` to `items`, to be found by their keys and taken one after another. */
export class KeyIndex {
  /** Open addressing; a slot is the index of an item with its key plus one, 0 if it is free. */
  private readonly slots: Uint32Array;
  /** The next item to take of each slot, plus one; 0 if none is left. */
  private readonly heads: Uint32Array;
  /** The item after each, with the same key, plus one. */
  private readonly next: Uint32Array;

  constructor(
    private readonly records: KeyRecords,
    items: number,
  ) {
    this.slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(2, items * 1.5))));
    this.heads = new Uint32Array(this.slots.length);
    this.next = new Uint32Array(items);
    for (let item = items - 1; item >= 0; item--) {
      if (!records.hasKey(item)) continue;
      const slot = this.slotOf(records, item);
      this.slots[slot] ||= item + 1;
      this.next[item] = this.heads[slot] ?? 0;
      this.heads[slot] = item + 1;
    }
  }

  /** Takes the first item that has the key of `item` in `records`, or all of them. */
  take(records: KeyRecords, item: number, all: boolean): number[] {
    if (!records.hasKey(item)) return [];
    const slot = this.slotOf(records, item);
    const taken: number[] = [];
    for (let head = this.heads[slot] ?? 0; head !== 0; head = this.heads[slot] ?? 0) {
      taken.push(head - 1);
      this.heads[slot] = this.next[head - 1] ?? 0;
      if (!all) break;
    }
    return taken;
  }

  private slotOf(records: KeyRecords, item: number): number {
    const mask = this.slots.length - 1;
    let slot = records.hash(item) & mask;
    for (let taken = this.slots[slot] ?? 0; taken !== 0; taken = this.slots[slot] ?? 0) {
      if (this.records.isSame(taken - 1, records, item)) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}

/** Computed here: a call of `crc32` takes longer than a record is worth, and each is checked several times. */
function checksum(bytes: Buffer, at: number, item: number): number {
  let sum = item ^ 0x9e3779b1;
  for (let word = at; word < at + CRC_AT; word += 4) {
    sum = Math.imul(sum ^ bytes.readUInt32LE(word), 0x85ebca6b);
    sum ^= sum >>> 15;
  }
  return sum >>> 0;
}
