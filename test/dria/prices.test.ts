import { describe, expect, it } from 'vitest';
import { parsePrices } from '../../src/dria/prices.js';

describe('the prices of a models list', () => {
  it('are those that say credits a token, as text or as numbers', () => {
    const data = [
      { id: 'a', pricing: { prompt: '0.0000002', completion: '0.0000006', request: '0.1', image: '0' } },
      { id: ' b ', pricing: { prompt: 0, completion: 2 } },
      { id: 'c', metadata: { pricing: { prompt: '1', completion: '2' } } },
      { id: 'd' },
      { id: 'e', pricing: { input: 0.2, output: 0.6 } },
      { id: 'f', pricing: { prompt: '-1', completion: '-1' } },
      { id: 'g', pricing: { prompt: '', completion: 'free' } },
      { pricing: { prompt: 1, completion: 1 } },
      'h',
    ];
    const expected = {
      a: { prompt: 2e-7, completion: 6e-7, request: 0.1 },
      b: { prompt: 0, completion: 2, request: 0 },
      c: { prompt: 1, completion: 2, request: 0 },
    };
    expect(parsePrices({ data })).toEqual(expected);
    expect(parsePrices({ models: data })).toEqual(expected);
    expect(parsePrices(data)).toEqual(expected);
  });

  it.each([undefined, null, 7, 'text', {}, { data: 'none' }])('of %j are none', (body) => {
    expect(parsePrices(body)).toEqual({});
  });
});
