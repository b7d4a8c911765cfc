import { expect, it } from 'vitest';
import { SchemaError } from '../../src/batch/schema.js';
import { compileAnswerSchema } from '../../src/dria/answer-check.js';
import { ItemSchemas } from '../../src/input/item-schema.js';

const item = (schema: string | object) => ({ prompt: 'p', schema: schema as string });

it.each<[string | object, string | undefined]>([
  ['mood:good|bad,score:number', undefined],
  [{ type: 'array', items: { type: 'string' } }, undefined],
  ['mood:strange', 'schema field "mood" has the unknown type "strange"'],
  [{ type: 'strange' }, 'the schema is not valid at /type'],
  [{ $ref: 'https://example.com/a.json' }, "can't resolve reference"],
  [{ $ref: '#' }, 'refers to itself without end'],
  [{ pattern: '(' }, 'Invalid regular expression'],
  [{ enum: ['x'.repeat(200_000)] }, 'has 200,0'],
])('the schema of an item is held to the rules of a run’s: %j', async (schema, problem) => {
  const found = await new ItemSchemas(compileAnswerSchema).check(item(schema));
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found).toEqual({ field: 'schema', message: expect.stringContaining(problem) });
});

it('is compiled once, however many items have it', async () => {
  let compiled = 0;
  const schemas = new ItemSchemas(() => {
    compiled++;
    throw new SchemaError('no good');
  });
  for (let at = 0; at < 5; at++) expect(await schemas.check(item('a'))).toMatchObject({ message: 'no good' });
  expect(compiled).toBe(1);
});

it('of which there are too many, or that take too long together, is refused with a way out', async () => {
  const few = new ItemSchemas(compileAnswerSchema, 2);
  const found = await Promise.all(['a', 'b', 'c', 'a'].map((schema) => few.check(item(schema))));
  expect(found.map((problem) => problem?.message)).toEqual([
    undefined,
    undefined,
    'is one too many: the items of an input may have 2 different schemas; split the file',
    undefined,
  ]);
  const slow = new ItemSchemas(compileAnswerSchema, 10, -1);
  expect(await slow.check(item('a'))).toMatchObject({
    message: expect.stringContaining('is not checked: those before'),
  });
});
