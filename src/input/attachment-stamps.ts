/** What tells one state of an attached file from another. */
export interface AttachmentStamp {
  /** Its size. */
  readonly bytes: number;
  /** When it was last written to (epoch ms, with fractions). */
  readonly modifiedMs: number;
}

/**
 * Size of a record of the stamps object (bytes). Records are in item order, so that one range read returns those of
 * consecutive items. A record is the size and the time as little-endian float64; zeros for an item without a file.
 */
export const STAMP_BYTES = 16;

const TIME_AT = 8;
const BLOCK_ITEMS = 65_536;

/** Collects the stamps of an input's attached files. Without any there is no memory used, and no object. */
export class StampsWriter {
  private readonly written = new Map<number, Buffer>();

  /** Adds the stamp of an item. */
  add(item: number, { bytes, modifiedMs }: AttachmentStamp): void {
    const number = Math.floor(item / BLOCK_ITEMS);
    const block = this.written.get(number) ?? Buffer.alloc(BLOCK_ITEMS * STAMP_BYTES);
    this.written.set(number, block);
    const at = (item % BLOCK_ITEMS) * STAMP_BYTES;
    block.writeDoubleLE(bytes, at);
    block.writeDoubleLE(modifiedMs, at + TIME_AT);
  }

  /** Returns the whole object for an input of so many items, in pieces to be written one after another. */
  blocks(items: number): Uint8Array[] {
    if (this.written.size === 0) return [];
    return Array.from({ length: Math.ceil(items / BLOCK_ITEMS) }, (_, number) => {
      const length = Math.min(BLOCK_ITEMS, items - number * BLOCK_ITEMS) * STAMP_BYTES;
      return this.written.get(number)?.subarray(0, length) ?? Buffer.alloc(length);
    });
  }
}

/** Returns the stamp of an item, out of the blocks that a {@link StampsWriter} made. */
export function stampIn(blocks: readonly Uint8Array[], item: number): AttachmentStamp | undefined {
  const block = blocks[Math.floor(item / BLOCK_ITEMS)];
  const at = (item % BLOCK_ITEMS) * STAMP_BYTES;
  return block === undefined ? undefined : decodeStamps(block.subarray(at, at + STAMP_BYTES))[0];
}

/** Reads records. Bytes after the last whole one are left out. */
export function decodeStamps(bytes: Uint8Array): (AttachmentStamp | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / STAMP_BYTES) }, (_, position) => {
    const at = position * STAMP_BYTES;
    const stamp = { bytes: view.getFloat64(at, true), modifiedMs: view.getFloat64(at + TIME_AT, true) };
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
