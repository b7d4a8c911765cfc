import { expect, test } from 'vitest';
import {
  formatCount,
  formatDuration,
  formatItems,
  formatRate,
  formatShort,
  percentOf,
} from '../../../src/cli/terminal/format.js';

test.each([
  [0, '0s'],
  [-5000, '0s'],
  [12_400, '12s'],
  [59_600, '1m 00s'],
  [200_000, '3m 20s'],
  [7_500_000, '2h 05m'],
  [273_600_000, '3d 04h'],
])('%i ms reads %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  [0, '0'],
  [950, '950'],
  [1000, '1.0k'],
  [12_345, '12.3k'],
  [999_949, '1000k'],
  [999_950, '1.0M'],
  [1_234_567, '1.2M'],
  [2_500_000_000, '2.5G'],
])('%i tokens read %s', (value, text) => {
  expect(formatShort(value)).toBe(text);
});

test.each([
  [0, '0.0'],
  [0.05, '0.05'],
  [0.999, '1.0'],
  [12.34, '12.3'],
  [99.96, '100'],
  [1234.5, '1,235'],
])('%f a second reads %s', (value, text) => {
  expect(formatRate(value)).toBe(text);
});

test('counts have separators, and one item is one item', () => {
  expect(formatCount(12_345)).toBe('12,345');
  expect([formatItems(1), formatItems(2)]).toEqual(['1 item', '2 items']);
});

test('a run is at 100% only when all is done', () => {
  expect([percentOf(999, 1000), percentOf(1000, 1000), percentOf(0, 0)]).toEqual([99, 100, 0]);
});
