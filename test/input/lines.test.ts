import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from '../../src/input/lines.js';

interface Seen {
  readonly text: string;
  readonly start: number;
  readonly bytes: number;
  readonly line: number;
  readonly tooLong: boolean;
}

function split(pieces: readonly Uint8Array[], maxLineBytes?: number): Seen[] {
  const seen: Seen[] = [];
  const splitter = new LineSplitter(
    ({ content, ...rest }) => seen.push({ text: content.toString('latin1'), ...rest }),
    maxLineBytes,
  );
  for (const piece of pieces) {
    const reused = Buffer.from(piece);
    splitter.push(reused);
    reused.fill(0x21); // a reader may use its buffer again
  }
  splitter.end();
  return seen;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, position) => bytes.subarray(edges[position], edge));
}

const bytes = fc
  .array(fc.constantFrom(0x0a, 0x0d, 0xef, 0xbb, 0xbf, 0x61, 0x20, 0x00), { maxLength: 60 })
  .map((values) => Buffer.from(values));

describe('splitting into lines', () => {
  it('does not depend on how the bytes come in pieces', () => {
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.nat(60), { maxLength: 8 }),
        fc.integer({ min: 1, max: 10 }),
        (all, places, limit) => {
          expect(split(cut(all, places), limit)).toEqual(split([all], limit));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('gives places that lead back to exactly the lines', () => {
    fc.assert(
      fc.property(bytes, (all) => {
        for (const { text, start, bytes: length } of split([all])) {
          expect(all.subarray(start, start + length).toString('latin1')).toBe(text);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('finds the same lines as splitting the text does', () => {
    fc.assert(
      fc.property(bytes, (all) => {
        const text = all.toString('latin1').replace(/^\xef\xbb\xbf/, '');
        const lines = text.split('\n');
        if (lines.at(-1) === '') lines.pop();
        expect(split([all]).map((line) => line.text)).toEqual(lines.map((line) => line.replace(/\r$/, '')));
      }),
      { numRuns: 1000 },
    );
  });

  it('takes CRLF, a byte-order mark and a missing last line end', () => {
    expect(split([Buffer.from('\ufeffone\r\n\r\ntwo')])).toEqual([
      { text: 'one', start: 3, bytes: 3, line: 1, tooLong: false },
      { text: '', start: 8, bytes: 0, line: 2, tooLong: false },
      { text: 'two', start: 10, bytes: 3, line: 3, tooLong: false },
    ]);
  });

  it('measures a line over the limit without keeping it, and reads on behind it', () => {
    const lines = split([Buffer.from('aaaa\nbbbbb'), Buffer.from('bbbbb\ncccc\r\n')], 4);
    expect(lines).toEqual([
      { text: 'aaaa', start: 0, bytes: 4, line: 1, tooLong: false },
      { text: '', start: 5, bytes: 10, line: 2, tooLong: true },
      { text: 'cccc', start: 16, bytes: 4, line: 3, tooLong: false },
    ]);
  });
});
