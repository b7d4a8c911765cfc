import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSchemaShorthand, SchemaError } from '../../src/batch/schema.js';

describe('the schema shorthand', () => {
  it('makes an object of required fields and no others', () => {
    expect(
      parseSchemaShorthand(' sentiment, confidence:number ,tags:string[],mood:good | bad,n:integer,ok:boolean'),
    ).toEqual({
      type: 'object',
      properties: {
        sentiment: { type: 'string' },
        confidence: { type: 'number' },
        tags: { type: 'array', items: { type: 'string' } },
        mood: { type: 'string', enum: ['good', 'bad'] },
        n: { type: 'integer' },
        ok: { type: 'boolean' },
      },
      required: ['sentiment', 'confidence', 'tags', 'mood', 'n', 'ok'],
      additionalProperties: false,
    });
  });

  it.each<[string, RegExp, string | undefined]>([
    ['', /empty: give fields/, undefined],
    ['  ', /empty: give fields/, undefined],
    ['a,', /field 2 is empty: remove the comma/, undefined],
    ['a,,b', /field 2 is empty/, undefined],
    ['a,a:number', /"a" is given twice/, 'a'],
    ['a b', /name "a b": a name is/, 'a b'],
    ['1a', /name "1a"/, '1a'],
    [':number', /name ""/, ''],
    ['__proto__', /name "__proto__"/, '__proto__'],
    [`${'x'.repeat(65)}`, /up to 64/, 'x'.repeat(65)],
    ['a:', /"a" has no type after the colon: use string/, 'a'],
    ['a:float', /"a" has the unknown type "float": use string.*--schema-file/, 'a'],
    ['a:String', /unknown type "String"/, 'a'],
    ['a:string[][]', /unknown type/, 'a'],
    ['a:[]', /unknown type/, 'a'],
    ['a:object', /unknown type "object".*--schema-file/, 'a'],
    ['a:x|', /empty value/, 'a'],
    ['a:x|y|x', /value twice/, 'a'],
    ['a:string|number', /not a list of plain values.*--schema-file/, 'a'],
    ['a:string|null', /not a list of plain values/, 'a'],
    ['a:x|y[]', /not a list of plain values/, 'a'],
    ['{"type":"object"}', /looks like JSON.*--schema-file/, undefined],
  ])('%j is refused', (text, message, at) => {
    let error: unknown;
    try {
      parseSchemaShorthand(text);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(SchemaError);
    expect(error).toMatchObject({ code: 'INVALID_SCHEMA', message: expect.stringMatching(message) });
    expect(error).toHaveProperty('at', at);
  });

  it.each(['x'.repeat(9000), `a:${'x'.repeat(9000)}`, `a:${'x|'.repeat(4000)}`])(
    'shows only the beginning of a long text',
    (text) => {
      expect(() => parseSchemaShorthand(text)).toThrow(
        expect.objectContaining({ message: expect.stringMatching(/^.{1,300}$/) }),
      );
    },
  );

  it('takes every list of distinct names and types, in order', () => {
    const name = fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_-]{0,20}$/).filter((text) => text !== '__proto__');
    const type = fc.constantFrom('', ':string', ':number', ':integer', ':boolean', ':number[]', ':yes|no');
    fc.assert(
      fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 12 }), fc.infiniteStream(type), (names, types) => {
        const schema = parseSchemaShorthand(names.map((text) => text + types.next().value).join(','));
        expect(schema.required).toEqual(names);
        expect(Object.keys(Object(schema.properties)).sort()).toEqual([...names].sort());
      }),
    );
  });

  it('either gives a schema or a typed error, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab:|,[] "{}9_-é') }), (text) => {
        try {
          expect(parseSchemaShorthand(text).type).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(SchemaError);
        }
      }),
    );
  });
});
