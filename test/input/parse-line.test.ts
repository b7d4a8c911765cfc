import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputLineSchema } from '../../src/batch/items.js';
import { parseLine } from '../../src/input/parse-line.js';

function problems(text: string): string[] {
  const parsed = parseLine(Buffer.from(text));
  return parsed.ok ? [] : parsed.problems.map(({ field, message }) => (field ? `${field}: ${message}` : message));
}

/** A line's value without the optional fields that are null. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const optional = new Set(['id', 'attachment', 'system', 'columns', 'error']);
  return Object.fromEntries(Object.entries(value).filter(([name, field]) => field !== null || !optional.has(name)));
}

describe('reading a line', () => {
  it('takes null in an optional field for absent', () => {
    const line = '{"id":null,"prompt":"a","attachment":null,"error":null}';
    expect(parseLine(Buffer.from(line))).toEqual({ ok: true, value: { prompt: 'a' } });
    const bad = parseLine(Buffer.from('{"id":null,"prompt":7}'));
    expect(bad).toMatchObject({ ok: false, identity: {} });
  });

  it('takes all of what the schema takes, and nothing else', () => {
    const scalar = fc.oneof(
      fc.string(),
      fc.constantFrom('', ' ', '\u00a0'),
      fc.integer(),
      fc.constant(null),
      fc.boolean(),
    );
    const field = fc.oneof(scalar, fc.array(scalar, { maxLength: 2 }), fc.double({ noNaN: true }));
    const value = fc.oneof(
      fc.record(
        { prompt: field, id: field, attachment: field, system: field, columns: field, error: field, other: field },
        { requiredKeys: [] },
      ),
      fc.record(
        {
          prompt: fc.string({ minLength: 1 }),
          id: fc.oneof(fc.string(), fc.integer()),
          system: scalar,
          columns: fc.oneof(fc.dictionary(fc.string(), scalar), scalar),
          error: scalar,
        },
        { requiredKeys: ['prompt'] },
      ),
      field,
    );
    fc.assert(
      fc.property(value, (one) => {
        const text = JSON.stringify(one);
        const parsed = parseLine(Buffer.from(text));
        const checked = inputLineSchema.safeParse(withoutNulls(JSON.parse(text)));
        const rounded = /"id":(?:[^"]*e|-?\d{16})/.test(text);
        if (!rounded) expect(parsed.ok).toBe(checked.success);
        if (parsed.ok) expect(parsed.value).toEqual(checked.data);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"prompt":3}', ['prompt: must be text, not a number']],
    ['{"prompt":null}', ['prompt: must be text, not null']],
    ['{"prompt":["a"]}', ['prompt: must be text, not an array']],
    ['{}', ['prompt: missing']],
    ['{"prompt":""}', ['prompt: must not be empty']],
    ['{"prompt":" \\n\\t "}', ['prompt: must not be empty']],
    ['{"prompt":"a","id":{}}', ['id: must be text or a number, not an object']],
    ['{"prompt":"a","id":""}', ['id: must not be empty']],
    ['{"prompt":"a","id":1e999}', ['id: too large a number']],
    [
      '{"prompt":"a","id":12345678901234567890}',
      ['id: a number this large is not kept exactly: write it as text, in quotes'],
    ],
    ['{"prompt":"a","attachment":7}', ['attachment: must be text, not a number']],
    ['{"prompt":"a","attachment":""}', ['attachment: must not be empty']],
    ['{"prompt":"a","error":503}', ['error: must be text, not a number']],
    ['{"prompt":"a","errors":"503: no"}', ['unknown field "errors": did you mean "error"?']],
    ['{"prompts":"a"}', ['unknown field "prompts": did you mean "prompt"?']],
    ['{"Prompt":"a"}', ['unknown field "Prompt": did you mean "prompt"?']],
    ['{"prompt":"a","custom_id":"b"}', ['unknown field "custom_id": did you mean "id"?']],
    ['{"prompt":"a","atachment":"b"}', ['unknown field "atachment": did you mean "attachment"?']],
    [
      '{"prompt":"a","weather":1}',
      [
        'unknown field "weather": the fields are prompt, messages, id, attachment, attachments, system, model, max_tokens, temperature, schema, body, columns, error; others need --columns, which copies them into the output',
      ],
    ],
    [
      '{"prompt":"a","__proto__":1}',
      [
        'unknown field "__proto__": the fields are prompt, messages, id, attachment, attachments, system, model, max_tokens, temperature, schema, body, columns, error; others need --columns, which copies them into the output',
      ],
    ],
    ['["a"]', ['must be an object like {"prompt": "…"}, not an array']],
    ['"a"', ['must be an object like {"prompt": "…"}, not text']],
    ['null', ['must be an object like {"prompt": "…"}, not null']],
    [
      '{"prompt":5,"id":[],"x":1}',
      [
        'prompt: must be text, not a number',
        'id: must be text or a number, not an array',
        'unknown field "x": the fields are prompt, messages, id, attachment, attachments, system, model, max_tokens, temperature, schema, body, columns, error; others need --columns, which copies them into the output',
      ],
    ],
  ])('says what is wrong with %s', (text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  it.each([
    ['{"prompt": "a"', /^not valid JSON: .*(at character 15|end of)/i],
    ["{'prompt': 'a'}", /^not valid JSON: .*(at character 2|token)/i],
    ['just text', /^not valid JSON: /],
    ['{"prompt":"a"} {"prompt":"b"}', /^not valid JSON: .*at character 16$/],
    ['[', /^only "\[": the file looks like JSON over several lines/],
    ['{"prompt":"a\0b"}', /^NUL byte at character 13/],
  ])('says where the JSON of %j is broken', (text, expected) => {
    expect(problems(text)).toEqual([expect.stringMatching(expected)]);
  });

  it('names the byte that is not UTF-8, also behind a genuine U+FFFD', () => {
    const line = Buffer.concat([Buffer.from('{"prompt":"é\ufffd'), Buffer.from([0xe9]), Buffer.from('"}')]);
    const parsed = parseLine(line);
    expect(parsed).toMatchObject({ ok: false, problems: [{ message: 'not valid UTF-8 (byte 17 of the line)' }] });
    expect(parseLine(Buffer.from('{"prompt":"\ufffd"}')).ok).toBe(true);
  });

  it('shows no control characters and only a short piece of a broken line', () => {
    const [message = ''] = problems(`{"prompt": \u001b[31m${'secret '.repeat(100)}`);
    expect(message).not.toContain('\u001b');
    expect(message.length).toBeLessThan(120);
  });
});
