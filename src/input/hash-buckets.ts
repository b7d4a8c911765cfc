import { type Hash64, IdTable } from './id-table.js';
import type { ScratchFile } from './scratch-file.js';

/** Buckets, by the first byte of a hash: of ten million hashes each has 40,000, half a megabyte. */
const BUCKETS = 256;

/** Records of a block, and the words of a record: both halves of a hash, and a line. */
const BLOCK_RECORDS = 2048;
const WORDS = 3;

interface Bucket {
  readonly block: Uint32Array;
  /** Words of the block that are in use. */
  used: number;
  /** Where full blocks lie in the file (bytes). */
  readonly starts: number[];
}

/**
 * Hashes with their lines, divided by hash into buckets in a file, so that those that repeat are found with one bucket in
 * memory at a time. Takes 6 MB, and 1/256 of what an {@link IdTable} of all would.
 */
export class HashBuckets {
  private readonly buckets: (Bucket | undefined)[] = new Array(BUCKETS).fill(undefined);

  constructor(private readonly file: ScratchFile) {}

  /** Adds a hash. */
  add([high, low]: Hash64, line: number): void {
    const bucket = this.bucket(high >>> 24);
    bucket.block[bucket.used] = high;
    bucket.block[bucket.used + 1] = low;
    bucket.block[bucket.used + 2] = line;
    bucket.used += WORDS;
    if (bucket.used < bucket.block.length) return;
    bucket.starts.push(this.file.append(bytesOf(bucket.block)));
    bucket.used = 0;
  }

  /** Calls `visit` for each hash that was added before, with its line and the line that was added with it first. */
  forEachRepeat(visit: (hash: Hash64, line: number, first: number) => void): void {
    for (const bucket of this.buckets) {
      if (bucket === undefined) continue;
      const seen = new IdTable();
      for (const block of this.blocks(bucket)) {
        for (let at = 0; at < block.length; at += WORDS) {
          const hash: Hash64 = [block[at] ?? 0, block[at + 1] ?? 0];
          const line = block[at + 2] ?? 0;
          const first = seen.claimHash(hash, line);
          if (first !== undefined) visit(hash, line, first);
        }
      }
    }
  }

  private *blocks({ block, used, starts }: Bucket): Generator<Uint32Array, void, undefined> {
    const read = new Uint32Array(block.length);
    for (const start of starts) {
      const bytes = this.file.read(start, start + read.byteLength);
      bytesOf(read).set(bytes);
      yield read;
    }
    yield block.subarray(0, used);
  }

  private bucket(number: number): Bucket {
    const found = this.buckets[number];
    if (found !== undefined) return found;
    const made = { block: new Uint32Array(BLOCK_RECORDS * WORDS), used: 0, starts: [] };
    this.buckets[number] = made;
    return made;
  }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
