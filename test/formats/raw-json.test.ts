import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eachField, elementsOf, textOf } from '../../src/formats/raw-json.js';

function fieldsOf(object: string): [string, string][] {
  const fields: [string, string][] = [];
  eachField(object, (name, value) => fields.push([name, value]));
  return fields;
}

/** JSON of a value as other programs may write it: with and without space. */
const written = (value: fc.Arbitrary<unknown>) =>
  fc.tuple(value, fc.constantFrom(undefined, 1, '\t')).map(([found, space]) => JSON.stringify(found, undefined, space));

describe('the fields of a JSON object', () => {
  test('are those that JSON.parse finds, each as it is written', () => {
    fc.assert(
      fc.property(written(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue())), (text) => {
        const fields = fieldsOf(text);
        expect(Object.fromEntries(fields.map(([name, value]) => [name, JSON.parse(value)]))).toEqual(JSON.parse(text));
        for (const [, value] of fields) expect(text).toContain(value);
      }),
    );
  });

  test('keep every digit, and brackets and quotes within texts', () => {
    const text = String.raw`{"n":12345678901234567890,"t":"}],\\","o":{"a":["\"}"]},"d":1.50}`;
    expect(fieldsOf(text)).toEqual([
      ['n', '12345678901234567890'],
      ['t', String.raw`"}],\\"`],
      ['o', String.raw`{"a":["\"}"]}`],
      ['d', '1.50'],
    ]);
  });

  test.each([
    '',
    '[1]',
    '{',
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"a" 1}',
    '{"a":"b}',
    '{"a":{"b":1}',
    '{a:1}',
    '{"a":,}',
  ])('are not found in %j, which is an error', (text) => {
    expect(() => fieldsOf(text)).toThrow(SyntaxError);
  });
});

test('the elements of a JSON array are those that JSON.parse finds', () => {
  fc.assert(
    fc.property(written(fc.array(fc.jsonValue())), (text) => {
      expect(elementsOf(text).map((element) => JSON.parse(element))).toEqual(JSON.parse(text));
    }),
  );
});

test('the text of a JSON string is its value, and another value stays as it is written', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => textOf(JSON.stringify(text)) === text));
  expect([textOf('1.50'), textOf('{"a":1}')]).toEqual(['1.50', '{"a":1}']);
});
