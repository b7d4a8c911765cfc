import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSchemaShorthand } from '../../src/batch/schema.js';
import { compileAnswerSchema } from '../../src/dria/answer-check.js';

const check = compileAnswerSchema(parseSchemaShorthand('mood:good|bad,score:number,tags:string[]'));
const GOOD = { mood: 'good', score: 0.5, tags: ['a'] };

describe('an answer that satisfies the schema', () => {
  it.each([
    ['as it is', JSON.stringify(GOOD)],
    ['with blanks around', `\n ${JSON.stringify(GOOD, null, 2)} \n`],
    ['in a json fence', `\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\``],
    ['in a plain fence, CRLF', `\r\n\`\`\`\r\n${JSON.stringify(GOOD)}\r\n\`\`\`\r\n`],
    ['with a fence inside a string', JSON.stringify({ ...GOOD, tags: ['```json\n{}\n```'] })],
  ])('%s', (_, text) => {
    expect(check.check(text).parsed).toMatchObject({ mood: 'good', score: 0.5 });
  });

  it('keeps its value, whatever it is', () => {
    const any = compileAnswerSchema({});
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(any.check(text).parsed).toEqual(JSON.parse(text));
        expect(any.check(`\`\`\`json\n${text}\n\`\`\``).parsed).toEqual(JSON.parse(text));
      }),
    );
  });
});

describe('an answer that does not', () => {
  it.each([
    ['no JSON', 'I think it is good.', /^the answer is not JSON: /],
    ['cut off', '{"mood":"good","sco', /^the answer is not JSON: /],
    ['JSON and more', `${JSON.stringify(GOOD)} I hope this helps`, /^the answer is not JSON: /],
    ['another type', '[]', /^the answer does not satisfy the schema at its root: must be object$/],
    ['a field missing', '{"mood":"good","tags":[]}', /at its root: must have required property 'score'$/],
    ['a field too many', JSON.stringify({ ...GOOD, x: 1 }), /at its root: .*additional properties \("x"\)$/],
    ['a wrong value', JSON.stringify({ ...GOOD, mood: 'so so' }), /at \/mood: .*allowed values \(good, bad\)$/],
    ['a wrong item', JSON.stringify({ ...GOOD, tags: ['a', 1] }), /at \/tags\/1: must be string$/],
  ])('%s', (_, text, message) => {
    expect(() => check.check(text)).toThrow(
      expect.objectContaining({ code: 'InvalidOutput', message: expect.stringMatching(message) }),
    );
  });

  it('is short in its message, on one line', () => {
    let message = '';
    try {
      check.check(`{"a": "${'x'.repeat(5000)}`);
    } catch (error) {
      message = String(error);
    }
    expect(message).toMatch(/^DriaError: the answer is not JSON/);
    expect(message.length).toBeLessThan(330);
  });

  it('lacks a required field that every object inherits', () => {
    const inherited = compileAnswerSchema(parseSchemaShorthand('constructor,toString'));
    expect(() => inherited.check('{}')).toThrow(/must have required property/);
  });
});

describe('a schema', () => {
  it.each<[string, unknown, RegExp]>([
    ['an array', [], /must be a JSON object/],
    ['a boolean', true, /must be a JSON object/],
    ['a string', 'string', /must be a JSON object/],
    ['nothing', undefined, /must be a JSON object/],
    [
      'an unknown type',
      { properties: { a: { type: 'text' } } },
      /at \/properties\/a\/type: .*allowed values \(array, /,
    ],
    ['required that is no list', { required: 'a' }, /at \/required: must be array/],
    ['a pattern that is none', { type: 'string', pattern: '(' }, /cannot be used|not valid/],
    ['a reference to nowhere', { $ref: '#/$defs/a' }, /cannot be used: can't resolve reference/],
    ['a reference to the web', { $ref: 'https://a.example/s.json' }, /cannot be used: can't resolve reference/],
    ['another draft', { $schema: 'http://json-schema.org/draft-04/schema#' }, /2020-12 and draft-07 are/],
    ['an asynchronous one', { $async: true }, /must not have \$async/],
  ])('is refused when it is %s', (_, schema, message) => {
    expect(() => compileAnswerSchema(schema)).toThrow(
      expect.objectContaining({ code: 'INVALID_SCHEMA', message: expect.stringMatching(message) }),
    );
  });

  it('is read by the rules of the draft that it names', () => {
    const tuple = { type: 'array', items: [{ type: 'number' }], additionalItems: false };
    const draft07 = compileAnswerSchema({ ...tuple, $schema: 'http://json-schema.org/draft-07/schema#' });
    expect(draft07.check('[1]').parsed).toEqual([1]);
    expect(() => draft07.check('[1,2]')).toThrow(/must NOT have more than 1 items/);
    expect(() => compileAnswerSchema(tuple)).toThrow(/at \/items/);
    const draft2020 = compileAnswerSchema({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'array',
      prefixItems: [{ type: 'number' }],
      items: false,
    });
    expect(() => draft2020.check('["x"]')).toThrow(/at \/0: must be number/);
  });

  it('may have formats, keywords of its own, and the $id of another', () => {
    const dated = compileAnswerSchema({ $id: 'https://a.example/x', type: 'string', format: 'date', 'x-order': 1 });
    expect(dated.check('"2024-02-29"').parsed).toBe('2024-02-29');
    expect(() => dated.check('"2023-02-29"')).toThrow(/must match format "date"/);
    const other = compileAnswerSchema({ $id: 'https://a.example/x', type: 'number' });
    expect(other.check('1').parsed).toBe(1);
  });

  it('is compiled once for the same content', () => {
    const schema = { type: 'object', properties: { only: { type: 'string' } } };
    expect(compileAnswerSchema(structuredClone(schema))).toBe(compileAnswerSchema(schema));
  });
});
