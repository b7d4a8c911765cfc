import { Ajv2020 } from 'ajv/dist/2020.js';
import * as ajvFormats from 'ajv-formats';
import { describe, expect, test } from 'vitest';
import { brokenSchemaAnswer, schemaAnswer } from '../../src/simulator/schema-answer.js';
import { ask, prompts, simulator, textOf } from './harness.js';

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajvFormats.default.default(ajv);

const tree = {
  $defs: {
    node: {
      type: 'object',
      properties: { name: { type: 'string' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
      required: ['name', 'children'],
      additionalProperties: false,
    },
  },
  $ref: '#/$defs/node',
};
const list = {
  type: 'object',
  properties: { value: { type: 'integer' }, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
  required: ['value', 'next'],
};

const SCHEMAS: readonly (readonly [string, Record<string, unknown>])[] = [
  [
    'the shorthand of the command line',
    {
      type: 'object',
      properties: { sentiment: { enum: ['good', 'bad'] }, confidence: { type: 'number' }, sure: { type: 'boolean' } },
      required: ['sentiment', 'confidence', 'sure'],
      additionalProperties: false,
    },
  ],
  ['bounds of numbers', { type: 'number', minimum: 0.25, maximum: 0.5 }],
  ['bounds that are excluded', { type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 5 }],
  ['negative bounds', { type: 'number', maximum: -10 }],
  ['only a minimum', { type: 'integer', minimum: 1900 }],
  ['multiples', { type: 'number', multipleOf: 0.5, exclusiveMinimum: 1, maximum: 3 }],
  ['lengths of strings', { type: 'string', minLength: 200, maxLength: 210 }],
  ['short strings', { type: 'string', maxLength: 3 }],
  ['lengths of arrays', { type: 'array', items: { type: 'integer' }, minItems: 5, maxItems: 6 }],
  ['an empty array', { type: 'array', maxItems: 0 }],
  ['a tuple', { type: 'array', prefixItems: [{ type: 'string' }, { type: 'boolean' }], items: false, minItems: 2 }],
  ['const', { type: 'object', properties: { kind: { const: 'cat' } }, required: ['kind'] }],
  ['one of several types', { type: ['null', 'integer'] }],
  [
    'anyOf',
    {
      anyOf: [
        { type: 'string', maxLength: 2 },
        { type: 'integer', minimum: 7 },
      ],
    },
  ],
  ['oneOf', { oneOf: [{ type: 'string' }, { type: 'integer' }] }],
  [
    'allOf',
    {
      allOf: [
        { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
        { properties: { b: { type: 'string' } }, required: ['b'] },
      ],
    },
  ],
  [
    'definitions',
    {
      definitions: { 'a/b': { type: 'integer', minimum: 9 } },
      type: 'object',
      properties: { x: { $ref: '#/definitions/a~1b' } },
      required: ['x'],
    },
  ],
  ['a tree', tree],
  ['a linked list', list],
  ['required without properties', { type: 'object', required: ['free'] }],
  ['a name that is dangerous to assign', JSON.parse('{"type":"object","required":["__proto__"]}')],
  ...['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid'].map(
    (format) => [`format ${format}`, { type: 'string', format }] as const,
  ),
];

describe('a simulated answer', () => {
  test.each(SCHEMAS)('satisfies %s', (_name, schema) => {
    const validate = ajv.compile(schema);
    for (const seed of prompts(20)) {
      expect(validate(schemaAnswer(schema, seed)), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  test('depends on its seed and on nothing else', () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' }, b: { type: 'integer' } } };
    expect(schemaAnswer(schema, 'x')).toEqual(schemaAnswer(schema, 'x'));
    expect(new Set(prompts(20).map((seed) => JSON.stringify(schemaAnswer(schema, seed)))).size).toBeGreaterThan(15);
  });

  test('comes to an end with a schema that requires itself', () => {
    const endless = { type: 'object', properties: { again: { $ref: '#' } }, required: ['again'] };
    expect(schemaAnswer(endless, 'x')).toHaveProperty('again');
    expect(schemaAnswer({ $ref: '#' }, 'x')).toBeDefined();
  });

  test.each(SCHEMAS)('can be made to break %s', (_name, schema) => {
    expect(ajv.compile(schema)(brokenSchemaAnswer(schema))).toBe(false);
  });
});

test('over HTTP every n-th answer breaks the schema it was asked for', async () => {
  const network = await simulator({ breakSchemaEvery: 3 });
  const schema = { type: 'object', properties: { score: { type: 'integer' } }, required: ['score'] };
  const validate = ajv.compile(schema);
  const body = { response_format: { type: 'json_schema', json_schema: { name: 'score', schema } } };
  const found: boolean[] = [];
  for (const prompt of prompts(6)) {
    found.push(validate(JSON.parse(String(await textOf(await ask(network, prompt, { body }))))));
  }
  expect(found).toEqual([true, true, false, true, true, false]);
});
