import { readdirSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../support/build.js';
import { CliWorld, type Command } from '../support/cli.js';
import { CodecServer } from '../support/codec-server.js';
import { frontOf } from '../support/front.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-command.js';

const AUTH = 'Bearer auth-of-the-codec-server';
const PROMPT = 'confidential';

let world: CliWorld;
let codec: CodecServer;
let address: string;
let worker: Command;
beforeAll(async () => {
  world = await CliWorld.open();
  codec = await CodecServer.open(AUTH);
  address = await world.keepServer();
  worker = await startWorker(world, at('encoded'), { env: variables() });
});
afterAll(async () => {
  await world.close();
  await codec.close();
});

/** Flags for a queue of the server. */
function at(taskQueue: string): string[] {
  return ['--address', address, '--task-queue', taskQueue];
}

/** The codec as variables, which is how `temporal` and containers have it. */
function variables() {
  return { TEMPORAL_CODEC_ENDPOINT: codec.url, TEMPORAL_CODEC_AUTH: AUTH };
}

const flags = () => ['--codec-endpoint', codec.url, '--codec-auth', AUTH];

/** All of a run's histories, its chunk's too: what the server has of it, with its payloads as they are. */
async function historiesOf(id: string): Promise<string> {
  const connection = await Connection.connect({ address });
  onTestFinished(() => connection.close());
  const { workflow } = new Client({ connection });
  const histories = [id, `${id}/chunk-0`].map((workflowId) => workflow.getHandle(workflowId).fetchHistory());
  const text = JSON.stringify(await Promise.all(histories));
  const payloads = Array.from(text.matchAll(/"(?:data|encoding)":"([^"]+)"/g), ([, base64 = '']) =>
    Buffer.from(base64, 'base64').toString('latin1'),
  );
  return [text, ...payloads].join('\n');
}

describe('with a codec server', () => {
  test('batch and a worker encode all that the server keeps; runs and retry decode it', async () => {
    await world.network.script({ match: { promptIncludes: `${PROMPT} 2` }, respond: { status: 422 } });
    const input = world.prompts(PROMPT, 5);
    const output = world.path('encoded-results.jsonl');
    const ended = await world.run(['batch', input, '--id', 'encoded', '-o', output, ...at('encoded'), ...flags()]);
    expect(ended.code, ended.stderr).toBe(3);
    expect(readResults(output)).toHaveLength(5);

    const histories = await historiesOf('encoded');
    const texts = ['binary/encrypted', 'json/plain', world.network.url, 'maxTokens', `${PROMPT}.jsonl`];
    expect(texts.filter((text) => histories.includes(text))).toEqual(['binary/encrypted']);
    const listed = await world.run(['runs', '--json', '--address', address, ...flags()]);
    expect(JSON.parse(listed.stdout)).toMatchObject({ id: 'encoded', state: 'completed', ok: 4, failed: 1, input });
    expect(listed.stderr).toBe('');

    // By variables as by flags; `retry` reads what the run was started with.
    await world.network.clearRules();
    const again = await world.run(['retry', 'encoded', '-o', output, ...at('encoded')], { env: variables() });
    expect(again.code, again.stderr).toBe(0);
    expect(readResults(output).filter(({ error }) => error !== undefined)).toEqual([]);
    for (const { stderr, stdout } of [ended, listed, again, worker]) {
      expect(stderr + stdout).not.toMatch(/auth-of-the-codec|dkn_live/);
    }
  });

  test('a run that External Storage and a converter have a part in is read with them, and is a row without them', async () => {
    let release = (): void => undefined;
    const held = { includes: 'stored 3', until: new Promise<void>((resolve) => (release = resolve)) };
    const endpoint = ['--base-url', await frontOf(world.network, { held })];
    const reading = [...at('stored'), ...flags(), '--data-converter', converterModule()];
    const storing = await startWorker(world, [...reading, ...endpoint]);
    const output = world.path('stored-results.jsonl');
    const batch = world.start([
      ...['batch', world.prompts('stored', 3), '--id', 'stored', '-o', output, ...reading, ...endpoint],
      // All in one pack: what is known of two of its items is known by its heartbeats only.
      ...['--pack', '3', '--heartbeat-timeout', '10'],
    ]);
    const status = async (...args: readonly string[]) => await world.run(['status', 'stored', '--json', ...args]);
    await until('the live counts of a held pack', async () => {
      if (!batch.isRunning) throw new Error(batch.stderr);
      const { stdout } = await status(...reading);
      return stdout !== '' && JSON.parse(stdout).ok === 2;
    });

    const rows = await world.run(['runs', '--json', '--address', address]);
    expect([rows.code, rows.stderr]).toEqual([
      0,
      expect.stringMatching(/^what is noted of 2 runs cannot be read here: /),
    ]);
    const row = rows.stdout.split('\n').find((line) => line.includes('"stored"')) ?? '';
    expect(JSON.parse(row)).toMatchObject({ id: 'stored', state: 'running', startedAt: expect.any(Number) });
    const unread = await status('--address', address);
    expect(unread.stderr).toMatch(
      /^what is noted of stored cannot be read here: it is in External Storage, .*--codec-endpoint/,
    );
    expect(JSON.parse(unread.stdout)).toMatchObject({ id: 'stored', state: 'running' });
    for (const order of ['pause', 'attach']) {
      const { code, stderr } = await world.run([order, 'stored', '--address', address]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('the run stored cannot be read here: ')]);
    }

    release();
    const ended = await batch.ended;
    expect(ended.code, ended.stderr).toBe(0);
    expect(readResults(output)).toHaveLength(3);
    expect(readdirSync(world.path('payloads')).length).toBeGreaterThan(3);
    storing.signal('SIGTERM');
    expect((await storing.ended).code).toBe(0);
  });

  test.each<[string, () => string[], RegExp]>([
    [
      'without its authorization',
      () => ['--codec-endpoint', codec.url],
      /the codec server at http:\S+: 401 Unauthorized/,
    ],
    [
      'for a converter that is not there',
      () => ['--data-converter', './none.js'],
      /--data-converter: .*none.js cannot be/,
    ],
  ])('batch and worker end %s, before anything is started', async (_name, more, words) => {
    const args = [...at('refused'), ...more()];
    for (const command of [['batch', world.prompts('refused', 1), '--id', 'refused'], ['worker']]) {
      const { code, stderr } = await world.run([...command, ...args]);
      expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(words)]);
      expect(code).toBeGreaterThan(0);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
    const { stdout } = await world.run(['runs', '--json', '--address', address]);
    expect(stdout).not.toContain('"refused"');
  });
});

/** Writes a module with a converter of its own in the workflows, and External Storage in a folder for all that is sent. */
function converterModule(): string {
  const folder = JSON.stringify(world.path('payloads'));
  const path = world.file(
    'payload-converter.cjs',
    `const encoding = new TextEncoder().encode('test/reversed');
    const reverse = (bytes) => Uint8Array.from(bytes).reverse();
    exports.payloadConverter = {
      toPayload: (value) => ({
        metadata: { encoding },
        data: reverse(new TextEncoder().encode(JSON.stringify({ value }))),
      }),
      fromPayload: ({ data }) => JSON.parse(new TextDecoder().decode(reverse(data))).value,
    };`,
  );
  return world.file(
    'converter.mjs',
    `import { randomUUID } from 'node:crypto';
    import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
    import { createRequire } from 'node:module';
    const { ExternalStorage } = createRequire(${JSON.stringify(`${ROOT}/package.json`)})('@temporalio/common');
    mkdirSync(${folder}, { recursive: true });
    const place = (name) => ${folder} + '/' + name;
    const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));
    const driver = {
      name: 'folder',
      type: 'test.folder',
      store: async (_context, payloads) => payloads.map(({ metadata, data }) => {
        const name = randomUUID();
        const texts = Object.entries(metadata).map(([key, value]) => [key, Buffer.from(value).toString('base64')]);
        writeFileSync(place(name), JSON.stringify({ texts, data: Buffer.from(data ?? []).toString('base64') }));
        return { claimData: { name } };
      }),
      retrieve: async (_context, claims) => claims.map(({ claimData: { name } }) => {
        const { texts, data } = JSON.parse(readFileSync(place(name), 'utf8'));
        return { metadata: Object.fromEntries(texts.map(([key, text]) => [key, bytes(text)])), data: bytes(data) };
      }),
    };
    export const dataConverter = {
      payloadConverterPath: ${JSON.stringify(path)},
      externalStorage: new ExternalStorage({ drivers: [driver], payloadSizeThreshold: 0 }),
    };`,
  );
}
