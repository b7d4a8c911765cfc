import { describe, expect, it } from 'vitest';
import { clipped, perSecond, share, size, step, time } from '../../src/report/words.js';

function plain(words: string): string {
  return words.replaceAll('\u00a0', ' ');
}

describe('figures in words', () => {
  it.each([
    [0, '0 ms'],
    [999.4, '999 ms'],
    [999.6, '1.00 s'],
    [1_244, '1.24 s'],
    [9_996, '10.0 s'],
    [59_960, '1 min 00 s'],
    [3_599_600, '1 h 00 min'],
    [7_800_000, '2 h 10 min'],
    [273_600_000, '3 d 04 h'],
  ])('a time of %d ms', (ms, words) => {
    expect(plain(time(ms))).toBe(words);
  });

  it.each([
    [0, 10, '0 %'],
    [10, 10, '100 %'],
    [1, 100_000, '< 0.1 %'],
    [99_999, 100_000, '> 99.9 %'],
    [1, 3, '33.3 %'],
    [0, 0, '0 %'],
  ])('%d of %d', (part, whole, words) => {
    expect(plain(share(part, whole))).toBe(words);
  });

  it('rates, sizes and steps', () => {
    expect([0, 0.0512, 4.24, 1234.5].map(perSecond)).toEqual(['0', '0.05', '4.2', '1,235']);
    expect([830, 12_340, 999_960, 2_500_000_000].map(size).map(plain)).toEqual([
      '830 B',
      '12.3 kB',
      '1.0 MB',
      '2.5 GB',
    ]);
    expect([100, 5_000, 1_800_000, 21_600_000, 345_600_000].map(step).map(plain)).toEqual([
      '100 ms',
      '5 s',
      '30 min',
      '6 h',
      '4 d',
    ]);
  });

  it('texts that are cut say so', () => {
    expect([clipped('abcd', 4), clipped('abcde', 4)]).toEqual(['abcd', 'abc…']);
  });
});
