import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countLayout, decodeLayout, encodeLayout, type LayoutCode, layoutRuns } from '../../src/batch/layout.js';

const code = fc.constantFrom<LayoutCode>('text', 'vision', 'audio', 'invalid');

describe('layout', () => {
  it('writes runs of equal items as a letter and a count', () => {
    expect(encodeLayout(['text', 'text', 'text', 'vision', 'invalid', 'invalid'])).toBe('t3v1x2');
    expect(encodeLayout([])).toBe('');
  });

  it('reads back what was written, item by item', () => {
    fc.assert(
      fc.property(fc.array(code), (codes) => {
        expect(decodeLayout(encodeLayout(codes))).toEqual(codes);
      }),
    );
  });

  it('counts what is in it', () => {
    fc.assert(
      fc.property(fc.array(code), (codes) => {
        const counts = countLayout(encodeLayout(codes));
        for (const each of ['text', 'vision', 'audio', 'invalid'] as const) {
          expect(counts[each]).toBe(codes.filter((one) => one === each).length);
        }
      }),
    );
  });

  it('never has two runs of the same kind side by side', () => {
    fc.assert(
      fc.property(fc.array(code), (codes) => {
        const runs = layoutRuns(encodeLayout(codes));
        runs.slice(1).forEach((run, position) => {
          expect(run.code).not.toBe(runs[position]?.code);
        });
      }),
    );
  });

  it.each(['t', '3', 't0', 't03', 'b3', 't3 v1', 't-1', 't1.5'])('refuses %j', (layout) => {
    expect(() => decodeLayout(layout)).toThrow(RangeError);
  });
});
