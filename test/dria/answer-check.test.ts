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
    ['after thoughts', `<think>Maybe {"mood":"bad"}?</think>\n${JSON.stringify(GOOD)}`],
    ['after thoughts whose tag was opened by the template', `It is good.\n</think>\n\n${JSON.stringify(GOOD)}`],
    ['after thoughts, in a fence', `<think>Hm.</think>\`\`\`json\n${JSON.stringify(GOOD)}\n\`\`\``],
    ['with a sentence before it', `Here is the JSON: ${JSON.stringify(GOOD)}`],
    ['with a sentence after it', `${JSON.stringify(GOOD)} I hope this helps`],
    [
      'in a fence between sentences',
      `Sure [1]!\n\`\`\`json\n${JSON.stringify(GOOD, null, 2)}\n\`\`\`\nAnything {else}?`,
    ],
    ['after a byte-order mark', `\ufeff${JSON.stringify(GOOD)}`],
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
    [
      'two of them',
      `${JSON.stringify(GOOD)} or ${JSON.stringify({ ...GOOD, mood: 'bad' })}`,
      /more than one JSON value/,
    ],
    [
      'a sentence around a wrong one',
      'Here: {"mood":"good","tags":[]}',
      /at its root: must have required property 'score'$/,
    ],
    [
      'thoughts without an end',
      `<think>${JSON.stringify({ x: 1 })} and`,
      /^the answer does not satisfy|^the answer is not JSON/,
    ],
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

/** Definitions that lead to each other within one value. */
function ring(keyword: string) {
  const back = { $ref: '#/$defs/a' };
  const inner = keyword === 'not' ? { not: back } : { [keyword]: [{ type: 'string' }, back] };
  return { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: inner } };
}

function nested(levels: number): object {
  let schema: object = { type: 'string' };
  for (let level = 0; level < levels; level++) schema = { items: schema };
  return schema;
}

describe('a check', () => {
  const tree = { anyOf: [{ type: 'string' }, { items: { $ref: '#' } }, { items: { $ref: '#', maxLength: 5 } }] };
  it.each<[string, object, string]>([
    ['of a pattern that backtracks', { pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(60)}!`)],
    ['of names by such a pattern', { patternProperties: { '^(a|a)*$': {} } }, `{"${'a'.repeat(60)}!":1}`],
    [
      'of many items for being unique',
      { uniqueItems: true },
      JSON.stringify(Array.from({ length: 60_000 }, (_, at) => ({ at }))),
    ],
    ['of a tree that is tried in two ways on each level', tree, `${'['.repeat(400)}1${']'.repeat(400)}`],
    ['that goes on through words', {}, `Look: ${'['.repeat(900_000)}`],
  ])('%s is cut off, and the answer is invalid output', (_, schema, text) => {
    const costly = compileAnswerSchema(schema);
    expect(() => costly.check(text)).toThrow(
      expect.objectContaining({ code: 'InvalidOutput', message: expect.stringMatching(/takes too long|is not JSON/) }),
    );
    expect(costly.check('"a"').parsed).toBe('a');
  });

  it.each<[string, string]>([
    ['arrays', `${'['.repeat(6000)}${']'.repeat(6000)}`],
    ['objects', `${'{"a":'.repeat(6000)}1${'}'.repeat(6000)}`],
    ['arrays after words', `Here: ${'['.repeat(6000)}${']'.repeat(6000)}`],
  ])('refuses an answer of 6,000 levels of %s', (_, text) => {
    for (const schema of [{}, { items: { $ref: '#' } }]) {
      expect(() => compileAnswerSchema(schema).check(text)).toThrow(expect.objectContaining({ code: 'InvalidOutput' }));
    }
    const ordinary = `${'['.repeat(400)}${']'.repeat(400)}`;
    expect(compileAnswerSchema({ items: { $ref: '#' } }).check(ordinary).json).toBe(ordinary);
  });

  it('keeps every digit of an answer of 30 MB', () => {
    const text = `{"a":"${'x'.repeat(30e6)}","n":12345678901234567890}`;
    expect(compileAnswerSchema({}).check(text).json).toHaveLength(text.length);
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
    [
      'a reference to the web',
      { properties: { a: { $ref: 'https://a.example/s.json' } } },
      /can't resolve reference "https:\/\/a.example\/s.json" at \/properties\/a\/\$ref: put what it means under \$defs/,
    ],
    ['a reference to a file', { items: { $ref: 'file:///etc/passwd' } }, /"file:\/\/\/etc\/passwd" at \/items\/\$ref/],
    ['a reference to itself', { $ref: '#' }, /refers to itself without end/],
    ['references in a ring', ring('anyOf'), /refers to itself without end/],
    [
      'a ring that only some answers enter',
      { properties: { a: { $ref: '#/$defs/a' } }, $defs: ring('not').$defs },
      /refers to itself without end/,
    ],
    ['a ring of anchors', { $dynamicAnchor: 'a', allOf: [{ $dynamicRef: '#a' }] }, /refers to itself without end/],
    [
      'a pattern that is too large',
      { pattern: '(?:(?:(?:(?:a?){100}){100}){100}){100}' },
      /cannot be used at \/pattern/,
    ],
    ['too deep', nested(6000), /more than 200 levels/],
    ['too large', { enum: ['x'.repeat(600_000)] }, /500,000 are the limit/],
    [
      'one whose own check takes for ever',
      { $schema: 'http://json-schema.org/draft-07/schema#', enum: Array.from({ length: 80_000 }, (_, at) => at) },
      /takes too long to compile/,
    ],
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

describe('the exact JSON of an answer', () => {
  const any = compileAnswerSchema({});
  it.each([
    ['{ "id" : 9007199254740993 }', '{"id":9007199254740993}'],
    [
      '{"id": -12345678901234567890, "s": "9007199254740993 a  b\\u2028"}',
      '{"id":-12345678901234567890,"s":"9007199254740993 a  b\\u2028"}',
    ],
    ['[0.12345678901234567890, 1e400]', '[0.12345678901234567890,1e400]'],
    ['{"a": 1.50, "b": "\u2028"}', '{"a":1.5,"b":"\\u2028"}'],
    ['Sure: {"id": 9007199254740993}.', '{"id":9007199254740993}'],
  ])('of %s has every digit, on one line', (text, json) => {
    expect(any.check(text).json).toBe(json);
  });

  it('is the value, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, indent) => {
        const { json } = any.check(JSON.stringify(value, null, indent));
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(json).not.toMatch(/[\n\u0085\u2028\u2029]/);
      }),
    );
  });
});
