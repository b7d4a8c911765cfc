import { describe, expect, test } from 'vitest';
import type { JsonSchema } from '../../src/batch/options.js';
import { FormatError } from '../../src/batch/output-format.js';
import { ColumnFinder, type LineSettings, type Table } from '../../src/formats/columns.js';
import { schemaColumns } from '../../src/formats/schema-columns.js';
import { objectOf } from './formats-world.js';

function tableOf(lines: readonly object[], settings: Partial<LineSettings> = {}): Table {
  const finder = new ColumnFinder({ detail: false, flatten: false, ...settings });
  for (const line of lines) finder.add(JSON.stringify(line));
  return finder.table();
}

function typesOf(table: Table): Record<string, unknown> {
  return Object.fromEntries(table.columns.map(({ name, type }) => [name, type]));
}

function rowOf(table: Table, line: object): Record<string, string | undefined> {
  const cells = table.cells(JSON.stringify(line));
  return Object.fromEntries(table.columns.map(({ name }, at) => [name, cells[at]]));
}

const BASE = { model: 'string', output: 'string', error: 'string', tokens: 'integer' };

describe('the columns of results', () => {
  test('are those of every line, whatever the lines have', () => {
    expect(typesOf(tableOf([]))).toEqual({ id: 'string', ...BASE });
    expect(tableOf([]).columns.map(({ name }) => name)).toEqual(['id', 'model', 'output', 'error', 'tokens']);
  });

  test.each([
    ['integer', [1, 2]],
    ['string', ['a', 'b']],
    ['string', [1, 'b']],
  ])('have ids of the type %s for %j', (type, ids) => {
    expect(typesOf(tableOf(ids.map((id) => ({ id, model: null, error: 'e' }))))).toEqual({ id: type, ...BASE });
  });

  test('have what a line has beside them, with the simplest type that holds all values', () => {
    const lines = [
      { id: 1, b: true, i: 1, n: 1, s: 'x', l: ['a', null], o: { a: 1 }, m: 1, e: null, ml: [1, 'a'], big: 1e30 },
      { id: 2, b: false, i: -7, n: 0.5, s: '1', l: [], o: null, m: 'x', ml: [], big: 1 },
    ];
    expect(typesOf(tableOf(lines))).toEqual({
      id: 'integer',
      ...BASE,
      b: 'boolean',
      i: 'integer',
      n: 'number',
      s: 'string',
      l: { list: 'string' },
      o: 'json',
      m: 'json',
      e: 'string',
      ml: 'json',
      big: 'number',
    });
  });

  test('have the columns of the input under their names, unless a field of the results has the name', () => {
    const line = { id: 1, model: 'm', output: 'x', tokens: 1, columns: { text: 't', id: 9, model: null, parsed: 'p' } };
    const table = tableOf([line]);
    expect(table.columns.slice(5).map(({ name }) => name)).toEqual([
      'text',
      'columns.id',
      'columns.model',
      'columns.parsed',
    ]);
    expect(rowOf(table, line)).toMatchObject({ id: '1', text: '"t"', 'columns.id': '9', 'columns.model': undefined });
  });

  test('are no more than 2,000', () => {
    const columns = Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`c${at}`, at]));
    expect(() => tableOf([{ id: 1, columns }])).toThrow(FormatError);
    expect(() => tableOf([{ id: 1, columns }])).toThrow(/more than 2000 columns/);
  });
});

describe('flattened answers', () => {
  const schema = objectOf({
    mood: { enum: ['good', 'bad'] },
    score: { type: ['number', 'null'] },
    tags: { type: 'array', items: { type: 'string' } },
    address: objectOf({ city: { type: 'string' }, geo: objectOf({ lat: { type: 'number' } }) }),
    people: { type: 'array', items: objectOf({ name: { type: 'string' } }) },
    id: { type: 'integer' },
  });
  const parsed = {
    mood: 'good',
    score: 1,
    tags: ['a'],
    address: { city: 'B', geo: { lat: 1.5 } },
    people: [{ name: 'n' }],
    id: 3,
  };

  test('have a column for each field, with its type from the schema, also if no answer has it', () => {
    expect(typesOf(tableOf([], { schema, flatten: true }))).toEqual({
      id: 'string',
      ...BASE,
      mood: 'string',
      score: 'number',
      tags: { list: 'string' },
      'address.city': 'string',
      'address.geo.lat': 'number',
      people: 'json',
      'parsed.id': 'integer',
    });
  });

  test('stand in the place of the parsed answer', () => {
    const table = tableOf([{ id: 1, model: 'm', output: 'x', parsed, tokens: 1 }], { schema, flatten: true });
    expect(table.columns.map(({ name }) => name).slice(0, 5)).toEqual(['id', 'model', 'output', 'mood', 'score']);
    expect(rowOf(table, { id: 1, parsed })).toMatchObject({
      'address.geo.lat': '1.5',
      'parsed.id': '3',
      people: '[{"name":"n"}]',
    });
    expect(rowOf(table, { id: 1, parsed: null })).toMatchObject({ mood: undefined, id: '1' });
  });

  test.each([
    ['a field that the schema does not name', { ...parsed, more: 1 }],
    ['no object where fields are expected', { ...parsed, address: 'Berlin' }],
    ['no object at all', 'good'],
  ])('keep the whole answer as well if one has %s', (_, other) => {
    const table = tableOf(
      [
        { id: 1, parsed },
        { id: 2, parsed: other },
      ],
      { schema, flatten: true },
    );
    expect(typesOf(table)).toMatchObject({ parsed: 'json', mood: 'string' });
    expect(rowOf(table, { id: 2, parsed: other })).toMatchObject({ parsed: JSON.stringify(other) });
  });

  test('have another type where an answer of an earlier schema does not fit', () => {
    const lines = [
      { id: 1, parsed: { ...parsed, score: 'high' } },
      { id: 2, parsed },
    ];
    expect(typesOf(tableOf(lines, { schema, flatten: true }))).toMatchObject({ score: 'json' });
    const large = [{ id: 1, parsed: { ...parsed, id: 1e30 } }];
    expect(typesOf(tableOf(large, { schema, flatten: true }))).toMatchObject({ 'parsed.id': 'number' });
  });

  test.each([
    ['without a schema', undefined],
    ['that are texts', { type: 'string' }],
    ['that are lists', { type: 'array', items: { type: 'string' } }],
    ['that are objects of any fields', { type: 'object', additionalProperties: { type: 'number' } }],
  ])('%s are refused', (_, other) => {
    expect(() => tableOf([], { schema: other, flatten: true })).toThrow(FormatError);
  });
});

describe('the fields that a schema describes', () => {
  const fields = (schema: JsonSchema) =>
    Object.fromEntries((schemaColumns(schema) ?? []).map(({ path, type }) => [path.join('.'), type]));

  test.each<[string, unknown, unknown]>([
    ['a constant', { const: 5 }, 'integer'],
    ['values of one type', { enum: ['a', null] }, 'string'],
    ['values of several types', { enum: ['a', 1] }, 'json'],
    ['an optional one', { anyOf: [{ type: 'boolean' }, { type: 'null' }] }, 'boolean'],
    ['either number', { oneOf: [{ type: 'integer' }, { type: 'number' }] }, 'number'],
    ['a referred one', { $ref: '#/$defs/name' }, 'string'],
    ['one that refers elsewhere', { $ref: 'https://example.org/a' }, undefined],
    ['one of which nothing is said', {}, undefined],
    ['true', true, undefined],
    ['a map', { type: 'object', additionalProperties: { type: 'number' } }, 'json'],
    ['a list of numbers', { type: 'array', items: { type: 'integer' } }, { list: 'integer' }],
    ['a list of lists', { type: 'array', items: { type: 'array' } }, 'json'],
    ['a list of anything', { type: 'array' }, 'json'],
    ['a text or an object', { type: ['string', 'object'], properties: { a: {} } }, 'json'],
  ])('have for %s the type it says', (_, property, type) => {
    expect(fields({ ...objectOf({ a: property }), $defs: { name: { type: 'string' } } })).toEqual({ a: type });
  });

  test('are those of all branches', () => {
    const schema = {
      allOf: [objectOf({ kind: { type: 'string' } })],
      anyOf: [objectOf({ a: { type: 'integer' } }), objectOf({ a: { type: 'number' }, b: { type: 'boolean' } })],
      type: 'object',
    };
    expect(fields(schema)).toEqual({ kind: 'string', a: 'number', b: 'boolean' });
  });

  test('end where an object is within itself', () => {
    const node = {
      type: 'object',
      properties: { value: { type: 'number' }, left: { $ref: '#/$defs/node' }, right: { $ref: '#/$defs/node' } },
    };
    const schema = objectOf({ tree: { $ref: '#/$defs/node' }, self: { anyOf: [{ $ref: '#' }, { type: 'null' }] } });
    expect(fields({ ...schema, $defs: { node } })).toEqual({
      'tree.value': 'number',
      'tree.left': 'json',
      'tree.right': 'json',
      self: 'json',
    });
  });
});
