import { expect, it } from 'vitest';
import { batchInputSchema } from '../../src/batch/run.js';
import { webhookUrlProblem } from '../../src/batch/webhook-url.js';

it.each(['https://hooks.example.com/a/b', 'http://127.0.0.1:8080', 'HTTPS://Hooks.Example.com/'])(
  '%s may be a webhook',
  (url) => {
    expect(webhookUrlProblem(url)).toBeUndefined();
    expect(batchInputSchema.safeParse({ input: 'a', webhook: { url } }).success).toBe(true);
  },
);

it.each([
  ['', 'it is not an http(s) URL'],
  ['hooks.example.com', 'it is not an http(s) URL'],
  ['file:///etc/passwd', 'it is not an http(s) URL'],
  ['https://', 'it is not an http(s) URL'],
  ['https://user@hooks.example.com/', 'must not hold a user name or password'],
  ['https://:secret@hooks.example.com/', 'must not hold a user name or password'],
  ['https://hooks.example.com/?token=secret', 'must not hold a query'],
  ['https://hooks.example.com/#secret', 'must not hold a query'],
  [`https://hooks.example.com/${'a'.repeat(2000)}`, 'more than 2000 characters'],
])('%j is refused, without repeating it', (url, words) => {
  const problem = webhookUrlProblem(url);
  expect(problem).toContain(words);
  expect(problem).not.toContain('secret');
  const parsed = batchInputSchema.safeParse({ input: 'a', webhook: { url } });
  expect(parsed.error?.issues).toEqual([expect.objectContaining({ path: ['webhook', 'url'], message: problem })]);
});

it.each([0, 3601, Number.NaN, '5'])('a wait of %j seconds for the receiver is refused', (maxWaitSecs) => {
  const webhook = { url: 'https://hooks.example.com/', maxWaitSecs };
  expect(batchInputSchema.safeParse({ input: 'a', webhook }).success).toBe(false);
});
