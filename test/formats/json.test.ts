import { describe, expect, test } from 'vitest';
import { answer, objectOf, renderedAs } from './formats-world.js';

const LINES = [answer('a', 'ä\u{1f600}'), { id: 2, model: null, error: 'invalid: x' }];

describe('results as one JSON array', () => {
  test('have the lines as elements, unchanged', async () => {
    const text = String(await renderedAs('json', { lines: LINES }));
    expect(JSON.parse(text)).toEqual(LINES);
    expect(text).toBe(`[\n${LINES.map((line) => JSON.stringify(line)).join(',\n')}\n]\n`);
  });

  test('are an empty array without a line', async () => {
    expect(JSON.parse(String(await renderedAs('json', { lines: [] })))).toEqual([]);
  });
});

describe('flattened lines', () => {
  const schema = objectOf({ mood: { type: 'string' }, at: objectOf({ city: { type: 'string' } }) });
  const lines = [answer(1, 'x', { parsed: { mood: 'good', at: { city: 'B' } } }), { id: 2, model: null, error: 'e' }];
  const flat = [
    { id: 1, model: 'm', output: 'x', mood: 'good', 'at.city': 'B', error: null, tokens: 5 },
    { id: 2, model: null, output: null, mood: null, 'at.city': null, error: 'e', tokens: null },
  ];

  test('all have the same fields, in JSONL and in one array', async () => {
    const jsonl = String(await renderedAs('jsonl', { lines, schema, flatten: true }));
    expect(jsonl).toBe(flat.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(JSON.parse(String(await renderedAs('json', { lines, schema, flatten: true })))).toEqual(flat);
  });
});

test('JSONL is what the run has, byte for byte', async () => {
  const lines = ['{"id":1,"model":"m","output":"x","tokens":1.0}'];
  expect(String(await renderedAs('jsonl', { lines }))).toBe(`${lines[0]}\n`);
});
