import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InputLine } from '../../src/batch/items.js';
import { type BatchOptions, batchOptionsSchema } from '../../src/batch/options.js';
import { chatBody } from '../../src/dria/chat-body.js';
import type { RequestProfile } from '../../src/dria/request-profile.js';
import { contentKey, KEY_BYTES } from '../../src/input/content-key.js';
import { asksOtherwise, questionOf } from '../../src/store/owner.js';

/** Everything that a run and a line of its input say. */
interface Asked {
  readonly endpoint: string;
  readonly options: BatchOptions;
  readonly line: { readonly prompt: string; readonly id?: string | number; readonly error?: string };
  /** A URL: it is sent as it is. */
  readonly attachment?: string | undefined;
}

const PROFILE: RequestProfile = {
  sendsTimeout: false,
  maxTokensField: 'max_tokens',
  sendsTemperature: true,
  schemaForm: 'strict',
};

/** Few values, so that two requests are often the same. */
const text = fc.constantFrom('a', 'b', 'a\u0000', '"a"', '\ud800', 'ä', 'a '.repeat(60));

const asked: fc.Arbitrary<Asked> = fc.record({
  endpoint: fc.constantFrom('https://one/v1', 'https://two/v1'),
  options: fc
    .record({
      model: fc.constantFrom('m', 'n'),
      maxTokens: fc.constantFrom(10, 20),
      temperature: fc.constantFrom(0, 0.5),
      schema: fc.constantFrom(
        undefined,
        { type: 'string' },
        { type: 'string', title: 'x' },
        { title: 'x', type: 'string' },
      ),
      concurrency: fc.constantFrom(1, 9),
      retries: fc.constantFrom(0, 3),
      timeoutSecs: fc.constantFrom(10, 20),
      detail: fc.boolean(),
      skipInvalid: fc.boolean(),
      dedupe: fc.constantFrom('auto' as const, 'always' as const, 'never' as const),
      chunkSize: fc.constantFrom(5, 10),
    })
    .map((options) => batchOptionsSchema.parse(options)),
  line: fc.record(
    { prompt: text, id: fc.constantFrom('x', 'y', 7), error: fc.constantFrom('503: no', '400: bad') },
    { requiredKeys: ['prompt'] },
  ),
  attachment: fc.constantFrom(undefined, 'https://pictures/1.png', 'https://pictures/2.png'),
});

/** The request as it goes out, and where to. */
function requestOf({ endpoint, options, line, attachment }: Asked): string {
  const { model = '', maxTokens, temperature, schema } = options;
  const body = chatBody(
    {
      model,
      maxTokens,
      temperature,
      timeoutMs: 1000,
      prompt: line.prompt,
      ...(schema === undefined ? {} : { schema: { name: 'answer', schema } }),
      ...(attachment === undefined ? {} : { attachments: [{ kind: 'image', mediaType: 'image/*', url: attachment }] }),
    },
    PROFILE,
  );
  return JSON.stringify([endpoint, body]);
}

const keyOf = ({ line, attachment }: Asked): string =>
  Buffer.from(contentKey(line, attachment === undefined ? [] : [`url ${attachment}`])).toString('hex');

const questionOfRun = ({ endpoint, options, line }: Asked) =>
  questionOf({ sha256: line.prompt, endpoint, options, folder: line.prompt });

/** What decides whether an answer can be taken: the items' keys, and what their runs ask. */
function isSame(a: Asked, b: Asked): boolean {
  return keyOf(a) === keyOf(b) && asksOtherwise(questionOfRun(a), questionOfRun(b)).length === 0;
}

describe('contentKey', () => {
  it('with what the run asks is equal exactly if the requests are equal', () => {
    const pair = asked.chain((one) =>
      fc.tuple(
        fc.constant(one),
        // Mostly one that differs in a little.
        fc.oneof(
          asked,
          asked.map((other) => ({ ...one, line: other.line })),
          asked.map((other) => ({ ...one, ...other, line: one.line })),
        ),
      ),
    );
    fc.assert(
      fc.property(pair, ([one, other]) => {
        expect(isSame(one, other)).toBe(requestOf(one) === requestOf(other));
      }),
      { numRuns: 2000 },
    );
  });

  it('tells a run that chooses among all models from one that asks a single one', () => {
    const any = questionOf({ sha256: '', endpoint: 'e', options: batchOptionsSchema.parse({}) });
    const one = questionOf({ sha256: '', endpoint: 'e', options: batchOptionsSchema.parse({ model: 'm' }) });
    expect(asksOtherwise(any, one)).toEqual(['options.model']);
  });

  it('has a field of the line in it that is not known yet, and no order of fields', () => {
    const line = { prompt: 'p', system: 's' };
    expect(contentKey(line)).toHaveLength(KEY_BYTES);
    expect(contentKey(line)).not.toEqual(contentKey({ prompt: 'p' }));
    expect(contentKey({ system: 's', prompt: 'p' })).toEqual(contentKey(line));
    expect(contentKey({ ...line, columns: { a: 1 } })).toEqual(contentKey(line));
  });

  it('goes by the contents of attachments, in their order, wherever their paths stand', () => {
    const [one, two] = ['image/png 1', 'image/png 2'];
    const key = (line: InputLine, ...contents: string[]) => Buffer.from(contentKey(line, contents)).toString('hex');
    const prompt = 'p';
    const list = key({ prompt, attachments: ['a', 'b'] }, one, two);
    expect(key({ prompt, attachment: 'x', attachments: ['y'] }, one, two)).toBe(list);
    expect(key({ prompt, attachments: ['b', 'a'] }, two, one)).not.toBe(list);
    expect(key({ prompt, attachment: 'a' }, one)).toBe(key({ prompt, attachments: ['b'] }, one));
    const part = (url: string, detail = 'low') => ({
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url, detail } }] }],
    });
    expect(key(part('a.png'), one)).toBe(key(part('b.png'), one));
    expect(key(part('a.png'), one)).not.toBe(key(part('a.png'), two));
    expect(key(part('a.png'), one)).not.toBe(key(part('a.png', 'high'), one));
    expect(key({ ...part('a.png'), model: 'm' }, one)).not.toBe(key(part('a.png'), one));
    expect(key({ prompt, schema: 'a' })).not.toBe(key({ prompt }));
  });

  it('does not take an attachment for a part of the text', () => {
    expect(contentKey({ prompt: 'p' }, ['a'])).not.toEqual(contentKey({ prompt: 'p","attachment","a' }));
  });
});
