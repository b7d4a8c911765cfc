import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldText } from '../../src/input/field-text.js';

const textOf = (json: string, field = 'columns') => fieldText(Buffer.from(json), field);

describe('the text of a field', () => {
  it.each([
    ['{"columns":{"n":12345678901234567890,"x":1.10}}', '{"n":12345678901234567890,"x":1.10}'],
    ['{ "prompt" : "a \\"columns\\": 1" , "columns" : [ 1, {"columns":2} ] }', '[ 1, {"columns":2} ]'],
    ['{"columns":1,"columns":"}\\\\"}', '"}\\\\"'],
    ['{"\\u0063olumns":true}', 'true'],
    ['{"a":{"columns":1},"b":[{"columns":2}]}', undefined],
    ['[{"columns":1}]', undefined],
    ['["columns", {"a":1}]', undefined],
    ['{"columns', undefined],
    ['', undefined],
  ])('of %s is %s', (json, expected) => {
    expect(textOf(json)).toBe(expected);
  });

  it('is that which JSON.parse reads, whatever stands before and after it', () => {
    const object = fc.dictionary(fc.oneof(fc.string(), fc.constant('columns')), fc.jsonValue());
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1, 3), (value, indent) => {
        const text = textOf(JSON.stringify(value, undefined, indent));
        const expected = Object.hasOwn(value, 'columns') ? value.columns : undefined;
        expect(text === undefined ? undefined : JSON.parse(text)).toEqual(
          expected === undefined ? undefined : JSON.parse(JSON.stringify(expected)),
        );
      }),
    );
  });

  it('is found in bytes that are no JSON without an error', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => fieldText(Buffer.from(bytes), 'a')).not.toThrow();
      }),
    );
  });
});
