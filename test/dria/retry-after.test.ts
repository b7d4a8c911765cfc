import { describe, expect, it } from 'vitest';
import { readErrorBody } from '../../src/dria/error-body.js';
import { retryAfterMs } from '../../src/dria/retry-after.js';

const NOW = Date.parse('Fri, 31 Dec 1999 23:59:00 GMT');

describe('the wait that an endpoint asks for', () => {
  it.each<[string, Record<string, string | string[]>, number | undefined]>([
    ['nothing said', {}, undefined],
    ['seconds', { 'retry-after': '7' }, 7000],
    ['a fraction of a second', { 'retry-after': '0.25' }, 250],
    ['no wait', { 'retry-after': '0' }, 0],
    ['blanks around', { 'retry-after': ' 3 ' }, 3000],
    ['an hour', { 'retry-after': '3600' }, 3_600_000],
    ['a date', { 'retry-after': 'Fri, 31 Dec 1999 23:59:10 GMT' }, 10_000],
    ['a date in the past', { 'retry-after': 'Fri, 31 Dec 1999 23:00:00 GMT' }, 0],
    ['a date far off', { 'retry-after': 'Sat, 01 Jan 2000 00:30:00 GMT' }, 1_860_000],
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

describe('the wait after a 429', () => {
  it.each<[string, Record<string, string>, unknown, number | undefined]>([
    [
      'the reset of the limit that is used up',
      {
        'x-ratelimit-remaining-requests': '9',
        'x-ratelimit-reset-requests': '6m0s',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '7.66s',
      },
      '',
      7660,
    ],
    [
      'the longer of two that are used up',
      {
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '1m30s',
        'x-ratelimit-remaining-tokens': '0',
        'x-ratelimit-reset-tokens': '20ms',
      },
      '',
      90_000,
    ],
    [
      'the shortest if nothing tells what is left',
      { 'x-ratelimit-reset-requests': '2m59.56s', 'x-ratelimit-reset-tokens': '8s' },
      '',
      8000,
    ],
    [
      'an ISO date',
      { 'anthropic-ratelimit-requests-remaining': '0', 'anthropic-ratelimit-requests-reset': '1999-12-31T23:59:30Z' },
      '',
      30_000,
    ],
    [
      'Retry-After before all others',
      { 'retry-after': '3', 'x-ratelimit-reset-requests': '1h' },
      'try again in 9s',
      3000,
    ],
    [
      "Google's RetryInfo",
      {},
      [{ error: { code: 429, details: [{ '@type': 'x.RetryInfo', retryDelay: '36.5s' }] } }],
      36_500,
    ],
    [
      "Groq's sentence",
      {},
      { error: { message: 'Limit 100000. Please try again in 9m38.016s. Need more tokens?' } },
      578_016,
    ],
    ["Azure's sentence", {}, { error: { message: 'Please retry after 26 seconds.' } }, 26_000],
    [
      "OpenRouter's repeated headers",
      {},
      { error: { code: 429, metadata: { headers: { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '45s' } } } },
      45_000,
    ],
    ['nothing', {}, { error: { message: 'slow down' } }, undefined],
  ])('%s', (_, headers, body, wait) => {
    expect(retryAfterMs(headers, NOW, readErrorBody(typeof body === 'string' ? body : JSON.stringify(body)))).toBe(
      wait,
    );
  });

  it('is measured from now for a time stamp', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    expect(retryAfterMs({ 'x-ratelimit-reset': String(now / 1000 + 12) }, now, readErrorBody(''))).toBe(12_000);
    expect(retryAfterMs({ 'x-ratelimit-reset': String(now + 1500) }, now, readErrorBody(''))).toBe(1500);
  });
});
