import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../src/dria/retry-after.js';

const NOW = Date.parse('Fri, 31 Dec 1999 23:59:00 GMT');

describe('the wait that an endpoint asks for', () => {
  it.each<[string, Record<string, string | string[]>, number | undefined]>([
    ['nothing said', {}, undefined],
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a fraction of a second', { 'retry-after': '0.25' }, 250],
    ['no wait', { 'retry-after': '0' }, 0],
    ['blanks around', { 'retry-after': ' 3 ' }, 3000],
    ['longer than is believed', { 'retry-after': '3600' }, 60_000],
    ['a date', { 'retry-after': 'Fri, 31 Dec 1999 23:59:10 GMT' }, 10_000],
    ['a date in the past', { 'retry-after': 'Fri, 31 Dec 1999 23:00:00 GMT' }, 0],
    ['a date far off', { 'retry-after': 'Sat, 01 Jan 2000 00:30:00 GMT' }, 60_000],
    [
      'a date by a server whose clock is an hour off',
      { 'retry-after': 'Sat, 01 Jan 2000 00:59:05 GMT', date: 'Sat, 01 Jan 2000 00:59:00 GMT' },
      5000,
    ],
    ['milliseconds, which are more exact', { 'retry-after-ms': '1500', 'retry-after': '2' }, 1500],
    ['milliseconds that are none', { 'retry-after-ms': 'soon', 'retry-after': '2' }, 2000],
    ['negative seconds', { 'retry-after': '-5' }, undefined],
    ['a time stamp for seconds', { 'retry-after': '946684799' }, undefined],
    ['a year off', { 'retry-after': 'Sun, 31 Dec 2000 23:59:00 GMT' }, undefined],
    ['words', { 'retry-after': 'later' }, undefined],
    ['a day that is none', { 'retry-after': 'Fri, 99 Xyz 1999' }, undefined],
    ['empty', { 'retry-after': '' }, undefined],
    ['exponents', { 'retry-after': '1e1' }, undefined],
    ['a bare year', { 'retry-after': '2000-01-01' }, undefined],
    ['said twice', { 'retry-after': ['1', '2'] }, undefined],
  ])('%s', (_, headers, wait) => {
    expect(retryAfterMs(headers, NOW)).toBe(wait);
  });
});
