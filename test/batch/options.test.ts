import { describe, expect, it } from 'vitest';
import { batchOptionsSchema, chunkSizeFor } from '../../src/batch/options.js';
import { batchInputSchema } from '../../src/batch/run.js';

describe('the options of a batch', () => {
  it('have the defaults that users are promised', () => {
    expect(batchOptionsSchema.parse({})).toEqual({
      concurrency: 10,
      retries: 3,
      maxTokens: 2048,
      temperature: 0.7,
      timeoutSecs: 120,
      skipInvalid: false,
      detail: false,
    });
  });

  it.each([
    { concurrency: 0 },
    { concurrency: 2001 },
    { concurrency: 1.5 },
    { retries: -1 },
    { maxTokens: 0 },
    { temperature: 2.1 },
    { temperature: Number.NaN },
    { timeoutSecs: 0 },
    { pack: 0 },
    { chunkSize: 0 },
    { model: '' },
    { schema: 'sentiment' },
    { max_tokens: 100 },
  ])('refuse %j', (options) => {
    const [field = ''] = Object.keys(options);
    const { error } = batchOptionsSchema.safeParse(options);
    expect(JSON.stringify(error?.issues)).toContain(field);
  });

  it('are checked with the whole input of a workflow, where a misspelt field is named', () => {
    const { error } = batchInputSchema.safeParse({ input: '/in.jsonl', options: { concurency: 4 } });
    expect(error?.issues).toMatchObject([{ path: ['options'], keys: ['concurency'] }]);
  });
});

describe('the items of a chunk', () => {
  it.each([
    [{ concurrency: 1 }, 500],
    [{ concurrency: 10 }, 500],
    [{ concurrency: 13 }, 520],
    [{ concurrency: 50 }, 2000],
    [{ concurrency: 2000 }, 2000],
    [{ concurrency: 50, chunkSize: 7 }, 7],
  ])('with %o are %i', (options, items) => {
    expect(chunkSizeFor(options)).toBe(items);
  });
});
