import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  askedAs,
  countLayout,
  decodeLayout,
  encodeLayout,
  isReused,
  isTwin,
  type LayoutCode,
  layoutRuns,
  modalityOf,
} from '../../src/batch/layout.js';
import { countOf, MODALITIES, sumOfModalities } from '../../src/batch/modality.js';

const code = fc.constantFrom<LayoutCode>(
  ...MODALITIES.flatMap((modality): LayoutCode[] => [modality, `twin-${modality}`, `reused-${modality}`]),
  'invalid',
);

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
        for (const modality of MODALITIES) {
          expect(countOf(counts.asked, modality)).toBe(codes.filter((one) => one === modality).length);
        }
        expect(counts.invalid).toBe(codes.filter((one) => one === 'invalid').length);
        expect(counts.twins).toBe(codes.filter(isTwin).length);
        expect(counts.reused).toBe(codes.filter(isReused).length);
        const { asked, invalid, twins, reused } = counts;
        expect(sumOfModalities(asked) + invalid + twins + reused).toBe(codes.length);
      }),
    );
  });

  it('tells which items are asked, and of which modality all but invalid ones are', () => {
    expect([askedAs('vision'), askedAs('twin-vision'), askedAs('reused-text'), askedAs('invalid')]).toEqual([
      'vision',
      ...[undefined, undefined, undefined],
    ]);
    expect([modalityOf('twin-audio'), modalityOf('reused-text'), modalityOf('text'), modalityOf('invalid')]).toEqual([
      'audio',
      ...['text', 'text', undefined],
    ]);
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
