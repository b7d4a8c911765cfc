import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { failed, STACK } from '../support/refused.js';
import { resultLines } from '../support/result-lines.js';

/** A port on this machine where nobody listens. */
const NOBODY = '127.0.0.1:1';

/** A command gives up after 6 s; several start at once here, on a machine that may be busy. */
const MOST_MS = 30_000;

let world: CliWorld;
let input: string;
beforeAll(async () => {
  world = await CliWorld.open({ context: 100_000_000 });
  input = world.prompts('fine', 20);
  await world.keepServer();
});
afterAll(() => world.close());

async function listen(server: Server, atEnd = onTestFinished): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => void server.close());
  const address: AddressInfo | string | null = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}

/** An endpoint of which every request is counted that costs something where the key is right. */
async function countingEndpoint(answer: RequestListener): Promise<{ url: string; count: () => number }> {
  let requests = 0;
  const server = createHttpServer((request, response) => {
    if (request.url === '/v1/chat/completions') requests += 1;
    request.resume();
    answer(request, response);
  });
  const port = await listen(server);
  return { url: `http://127.0.0.1:${port}/v1`, count: () => requests };
}

describe('a wrong key', () => {
  test.each<[what: string, answer: RequestListener, flags: readonly string[]]>([
    ['that everything refuses', (_request, response) => response.writeHead(401).end('invalid API key'), []],
    [
      'that only prompts refuse',
      ({ url = '' }, response) => response.writeHead(url.endsWith('/completions') ? 401 : 404).end('invalid API key'),
      ['-m', 'some:model'],
    ],
  ])('%s ends the run with one message and a handful of requests', async (_what, answer, flags) => {
    const { url, count } = await countingEndpoint(answer);
    const { stderr } = await failed(world, ['batch', input, '--base-url', url, ...flags]);
    expect(stderr.match(/invalid API key/g)).toHaveLength(1);
    expect(stderr).toMatch(/401.*\nCheck DRIA_API_KEY/);
    expect(count()).toBeLessThanOrEqual(5);
  });

  test('made right lets the same command go on', async () => {
    const strict = await CliWorld.open({ keys: ['right'] });
    onTestFinished(() => strict.close());
    const args = ['batch', strict.prompts('key', 3)];
    await failed(strict, args);
    expect((await strict.network.stats()).answered).toBe(0);
    const { code, stdout, stderr } = await strict.run(args, { env: { DRIA_API_KEY: 'right' } });
    expect(code, stderr).toBe(0);
    expect(resultLines(stdout)).toHaveLength(3);
  });
});

describe('no network', () => {
  test('is waited for, visibly, and said at the end of the wait', async () => {
    const args = ['batch', input, '--base-url', `http://${NOBODY}/v1`, '--max-wait', '2s'];
    const { stderr, ms } = await failed(world, args);
    expect(stderr).toMatch(/waiting.*connection refused/);
    expect(stderr).toMatch(/ended: the models cannot be listed \(network: connection refused \(127\.0\.0\.1:1\)\)/);
    expect(stderr).toContain('-m');
    expect(ms).toBeLessThan(60_000);
  });

  test('is said by models', async () => {
    const { stderr, ms } = await failed(world, ['models', '--base-url', `http://${NOBODY}/v1`]);
    expect(stderr).toMatch(/models of http:\/\/127\.0\.0\.1:1\/v1 cannot be had: .*(refused|reached)/i);
    expect(ms).toBeLessThan(MOST_MS);
  });
});

// All of them wait for the same few seconds.
describe.concurrent('a Temporal address', () => {
  test.each([['batch'], ['runs'], ['status'], ['attach'], ['worker']])(
    'where nobody answers is said by %s',
    async (name) => {
      const argument = { batch: [input], status: ['some-run'], attach: ['some-run'] }[name] ?? [];
      const { stderr, ms } = await failed(world, [name, ...argument, '--address', NOBODY]);
      expect(stderr).toMatch(/no Temporal server answers at 127\.0\.0\.1:1.*\nCheck --address/);
      expect(ms).toBeLessThan(MOST_MS);
    },
  );

  test('where somebody listens and never says a word is given up', async ({ onTestFinished }) => {
    const silent = createServer((socket) => {
      socket.on('error', () => undefined);
      onTestFinished(() => void socket.destroy());
    });
    const address = `127.0.0.1:${await listen(silent, onTestFinished)}`;
    const { stderr, ms } = await failed(world, ['batch', input], { env: { TEMPORAL_ADDRESS: address } });
    expect(stderr).toContain(`no Temporal server answers at ${address}`);
    expect(ms).toBeLessThan(MOST_MS);
  });

  test('is explained by a stack trace under --debug', async () => {
    const { code, stderr } = await world.run(['runs', '--address', NOBODY, '--debug']);
    expect(code).toBe(1);
    expect(stderr).toMatch(STACK);
  });
});

test('a line of 50 MB is an item like any other', async () => {
  const prompt = 'x'.repeat(50_000_000);
  const { code, stdout, stderr } = await world.run(['batch', world.file('large.jsonl', JSON.stringify({ prompt }))]);
  expect(code, stderr).toBe(0);
  expect(resultLines(stdout)[0]?.output).toContain('Simulated answer');
});
