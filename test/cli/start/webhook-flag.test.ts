import { describe, expect, test } from 'vitest';
import { command } from '../../support/command.js';

const KEY = 'c2VjcmV0LW9mLXNvbWVib2R5LWVsc2UtMzItYnl0ZXM=';
const ENV = { DRIA_API_KEY: 'k', DRIA_BASE_URL: 'http://127.0.0.1:9/v1' };

describe('--webhook is refused before anything is started', () => {
  test.each([
    ['hooks.example.com', {}, /^dria-temporal: --webhook: it is not an http\(s\) URL\n$/],
    ['https://u:hidden@hooks.example.com/', {}, /--webhook: it must not hold a user name or password/],
    ['https://hooks.example.com/?token=hidden', {}, /--webhook: it must not hold a query/],
    ['https://hooks.example.com/', {}, /--webhook: DRIA_WEBHOOK_SECRET is not set\n.*whsec_.*openssl/],
    ['https://hooks.example.com/', { DRIA_WEBHOOK_SECRET: KEY }, /--webhook: DRIA_WEBHOOK_SECRET is not "whsec_"/],
  ])('%s with %j', async (url, env, words) => {
    const args = ['batch', '/no/such/input.jsonl', '--webhook', url];
    const { code, stderr } = await command(args, { ...ENV, ...env });
    expect([code, stderr]).toEqual([2, expect.stringMatching(words)]);
    expect(stderr).not.toMatch(/hidden|c2VjcmV0/);
  });

  test('if a worker on another server is to send it, its secret is not looked for here', async () => {
    const args = [
      'batch',
      '/no/such/input.jsonl',
      '--webhook',
      'https://hooks.example.com/',
      '--address',
      '127.0.0.1:9',
    ];
    expect((await command(args, ENV)).stderr).toMatch(/input\.jsonl/);
  });
});

test.each(['https://hooks.example.com', 'a b', '*.'])('worker --webhook-hosts %j is refused by name', async (hosts) => {
  const { code, stderr } = await command(['worker', '--webhook-hosts', hosts], ENV);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`--webhook-hosts: the webhook host ${hosts} is none`)]);
});
