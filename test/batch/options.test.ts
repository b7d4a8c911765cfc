import { describe, expect, it } from 'vitest';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { batchInputSchema } from '../../src/batch/run.js';

describe('the options of a batch', () => {
  it('have the defaults that users are promised', () => {
    expect(batchOptionsSchema.parse({})).toEqual({
      concurrency: 10,
      dedupe: 'auto',
      retries: 3,
      maxTokens: 2048,
      temperature: 0.7,
      timeoutSecs: 120,
      maxWaitSecs: 900,
      repair: true,
      groupPrefix: false,
      skipInvalid: false,
      detail: false,
      embedBatch: 32,
      raw: false,
      chunkSize: 10_000,
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
    { chunkSize: 50_001 },
    { maxWaitSecs: -1 },
    { canary: 501 },
    { maxCredits: 0 },
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
