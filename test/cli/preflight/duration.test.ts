import { expect, test } from 'vitest';
import { durationText, parseDuration } from '../../../src/cli/duration.js';

test.each([
  ['30s', 30, '30s'],
  ['15m', 900, '15m'],
  ['2h', 7200, '2h'],
  ['1d', 86_400, '24h'],
  ['0', 0, '0'],
  ['0s', 0, '0'],
  ['90', 90, '90s'],
  ['1.5h', 5400, '90m'],
])('%s is a duration of %d seconds, written as %s', (text, seconds, written) => {
  expect(parseDuration(text)).toBe(seconds);
  expect(durationText(seconds)).toBe(written);
});

test.each(['', ' ', 'm', '15 m', '-1', '1e3', '15min', 'Infinity'])('"%s" is no duration', (text) => {
  expect(() => parseDuration(text)).toThrow('Give a duration');
});
