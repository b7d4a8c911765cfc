import { expect, test } from 'vitest';
import { parseSchemaShorthand } from '../../../src/batch/schema.js';
import { strictModeProblems } from '../../../src/cli/strict-schema.js';

test('a schema in short form is fit for strict mode', () => {
  expect(strictModeProblems(parseSchemaShorthand('mood:good|bad,score:number'))).toEqual([]);
});

test('open objects and optional fields are named with their place, also inside', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: ['people'],
    properties: {
      people: { type: 'array', items: { type: 'object', properties: { name: {}, age: {} }, required: ['name'] } },
      note: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/open' }] },
    },
    $defs: { open: { type: 'object', properties: {} } },
  };
  expect(strictModeProblems(schema)).toEqual([
    'the schema: note must be in "required"',
    'properties.people.items: "additionalProperties": false is missing',
    'properties.people.items: age must be in "required"',
    '$defs.open: "additionalProperties": false is missing',
  ]);
});
