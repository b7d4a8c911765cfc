const FIRST_CAPACITY = 1024;
const MAX_LOAD = 0.6;

/**
 * Texts with the line that had each first, in 20 to 40 bytes an entry whatever their length: an open-addressing hash
 * table on typed arrays. Only a 64-bit hash is kept: among a million different texts the chance that any two are taken
 * for the same is about 3 in 10^8.
 */
export class IdTable {
  private high = new Uint32Array(FIRST_CAPACITY);
  private low = new Uint32Array(FIRST_CAPACITY);
  /** Lines are 1-based: 0 is a free place. */
  private lines = new Uint32Array(FIRST_CAPACITY);
  private count = 0;

  /** Number of entries. */
  get size(): number {
    return this.count;
  }

  /** The line that had this text first, or undefined when there is none. */
  find(text: string): number | undefined {
    if (this.count === 0) return undefined;
    return this.findHash(hash64(text));
  }

  /** Returns the line of a hash, or undefined if it was not entered. */
  findHash([high, low]: Hash64): number | undefined {
    return this.lines[this.place(high, low)] || undefined;
  }

  /** Enters a text, unless a line had it before: then gives that line and changes nothing. */
  claim(text: string, line: number): number | undefined {
    return this.claimHash(hash64(text), line);
  }

  /** Enters a hash as {@link claim} does a text. */
  claimHash([high, low]: Hash64, line: number): number | undefined {
    const place = this.place(high, low);
    const earlier = this.lines[place];
    if (earlier) return earlier;
    this.set(place, high, low, line);
    this.count++;
    if (this.count > this.lines.length * MAX_LOAD) this.grow();
    return undefined;
  }

  /** Calls `visit` for each entry, in no order. */
  forEach(visit: (hash: Hash64, line: number) => void): void {
    this.lines.forEach((line, place) => {
      if (line !== 0) visit([this.high[place] ?? 0, this.low[place] ?? 0], line);
    });
  }

  /** Where the hash is, or the free place where it belongs. */
  private place(high: number, low: number): number {
    const mask = this.lines.length - 1;
    let place = low & mask;
    while (this.lines[place] !== 0 && (this.low[place] !== low || this.high[place] !== high))
      place = (place + 1) & mask;
    return place;
  }

  private set(place: number, high: number, low: number, line: number): void {
    this.high[place] = high;
    this.low[place] = low;
    this.lines[place] = line;
  }

  private grow(): void {
    const { high, low, lines } = this;
    this.high = new Uint32Array(lines.length * 2);
    this.low = new Uint32Array(lines.length * 2);
    this.lines = new Uint32Array(lines.length * 2);
    lines.forEach((line, old) => {
      if (line === 0) return;
      const [oldHigh = 0, oldLow = 0] = [high[old], low[old]];
      this.set(this.place(oldHigh, oldLow), oldHigh, oldLow, line);
    });
  }
}

/** The high and the low half of a hash. */
export type Hash64 = readonly [high: number, low: number];

/** 64 bits of a text's UTF-16 units as two uint32: the two-lane multiplicative hash known as cyrb53, not cut to 53. */
export function hash64(text: string): Hash64 {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return [b >>> 0, a >>> 0];
}
