/** What tells one state of an attached file from another. */
export interface AttachmentStamp {
  /** Its size. */
  readonly bytes: number;
  /** When it was last written to (epoch ms, with fractions). */
  readonly modifiedMs: number;
}

/**
 * Size of a record of the stamps object (bytes). Records are in item order, so that one range read returns those of
 * consecutive items. A record is the size and the time as little-endian float64; zeros for an item without a file. The stamps
 * of an item with several attachments are behind those of all items, one after another; its record is their number, negative,
 * and the number of the record that is the first of them.
 */
export const STAMP_BYTES = 16;

const TIME_AT = 8;
const BLOCK_ITEMS = 65_536;

/** Where the records of an item with several attachments are. */
export interface RecordList {
  /** Number of the first. */
  readonly first: number;
  readonly count: number;
}

/** Collects the stamps of an input's attached files. Without any there is no memory used, and no object. */
export class StampsWriter {
  private readonly written = new Map<number, Buffer>();
  /** Items with several attachments, with their stamps. */
  private readonly lists: { readonly item: number; readonly stamps: readonly (AttachmentStamp | undefined)[] }[] = [];

  /** Adds the stamps of an item's attachments, undefined for one that is no file. */
  add(item: number, stamps: readonly (AttachmentStamp | undefined)[]): void {
    if (stamps.every((stamp) => stamp === undefined)) return;
    if (stamps.length > 1) this.lists.push({ item, stamps });
    else this.write(item, stamps[0]?.bytes ?? 0, stamps[0]?.modifiedMs ?? 0);
  }

  private write(item: number, bytes: number, time: number): void {
    const number = Math.floor(item / BLOCK_ITEMS);
    const block = this.written.get(number) ?? Buffer.alloc(BLOCK_ITEMS * STAMP_BYTES);
    this.written.set(number, block);
    const at = (item % BLOCK_ITEMS) * STAMP_BYTES;
    block.writeDoubleLE(bytes, at);
    block.writeDoubleLE(time, at + TIME_AT);
  }

  /** Returns the whole object for an input of so many items, in pieces to be written one after another. */
  blocks(items: number): Uint8Array[] {
    const listed = this.lists.flatMap(({ stamps }) => stamps);
    const behind = Buffer.alloc(listed.length * STAMP_BYTES);
    listed.forEach((stamp, at) => {
      behind.writeDoubleLE(stamp?.bytes ?? 0, at * STAMP_BYTES);
      behind.writeDoubleLE(stamp?.modifiedMs ?? 0, at * STAMP_BYTES + TIME_AT);
    });
    let first = items;
    for (const { item, stamps } of this.lists) {
      this.write(item, -stamps.length, first);
      first += stamps.length;
    }
    if (this.written.size === 0) return [];
    const blocks = Array.from({ length: Math.ceil(items / BLOCK_ITEMS) }, (_, number) => {
      const length = Math.min(BLOCK_ITEMS, items - number * BLOCK_ITEMS) * STAMP_BYTES;
      return this.written.get(number)?.subarray(0, length) ?? Buffer.alloc(length);
    });
    return listed.length === 0 ? blocks : [...blocks, behind];
  }
}

/** Returns the stamps of an item's attachments, out of the blocks that a {@link StampsWriter} made for so many items. */
export function stampsIn(blocks: readonly Uint8Array[], item: number, items: number): (AttachmentStamp | undefined)[] {
  const block = blocks[Math.floor(item / BLOCK_ITEMS)];
  const at = (item % BLOCK_ITEMS) * STAMP_BYTES;
  const [record] = block === undefined ? [] : decodeStamps(block.subarray(at, at + STAMP_BYTES));
  if (record === undefined || !('first' in record)) return [record];
  const from = (record.first - items) * STAMP_BYTES;
  return stampsOf(blocks.at(-1)?.subarray(from, from + record.count * STAMP_BYTES) ?? new Uint8Array());
}

/** Reads records that are no lists. */
export function stampsOf(bytes: Uint8Array): (AttachmentStamp | undefined)[] {
  return decodeStamps(bytes).map((record) => (record !== undefined && 'first' in record ? undefined : record));
}

/** Reads records. Bytes after the last whole one are left out. */
export function decodeStamps(bytes: Uint8Array): (AttachmentStamp | RecordList | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / STAMP_BYTES) }, (_, position) => {
    const at = position * STAMP_BYTES;
    const stamp = { bytes: view.getFloat64(at, true), modifiedMs: view.getFloat64(at + TIME_AT, true) };
    if (stamp.bytes < 0) return { first: stamp.modifiedMs, count: -stamp.bytes };
    return stamp.bytes === 0 ? undefined : stamp;
  });
}

/** Returns how a file differs from what it was when the input was checked, in words; undefined if it does not. */
export function stampChange(checked: AttachmentStamp | undefined, now: AttachmentStamp): string | undefined {
  if (checked === undefined) return undefined;
  if (checked.bytes !== now.bytes) return `it had ${checked.bytes} bytes, and has ${now.bytes} now`;
  if (checked.modifiedMs === now.modifiedMs) return undefined;
  return `it was written to at ${time(now.modifiedMs)}, before that at ${time(checked.modifiedMs)}`;
}

function time(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) < 8.64e15 ? new Date(ms).toISOString() : 'an unknown time';
}
