import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { CliWorld, type Ended } from '../support/cli.js';
import { freePort } from '../support/free-ports.js';
import { failed, refused } from '../support/refused.js';

const PICTURE = readFileSync(new URL('../../examples/media/circle.png', import.meta.url));
const SOUND = readFileSync(new URL('../../examples/media/tones.wav', import.meta.url));

const planSchema = z.looseObject({
  run: z.string(),
  earlier: z.string(),
  items: z.record(z.string(), z.number()),
  models: z.array(z.looseObject({ id: z.string(), items: z.record(z.string(), z.number()), up: z.boolean() })),
  promptTokens: z.number(),
  credits: z.object({ balance: z.number().nullable(), estimate: z.unknown() }),
});

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open({
    models: [
      { id: 'small:1b', nodes: 3, modality: 'text' },
      { id: 'eyes:2b', nodes: 1, modality: 'vision' },
    ],
    modalityField: 'modality',
    credits: 500,
  });
  mkdirSync(world.path('media'));
  world.file('media/one.png', PICTURE);
  world.file('media/beep.wav', SOUND);
});
beforeEach(() => world.network.reset());
afterAll(() => world.close());

/** Runs a dry run, which must leave no trace: no prompt sent, no server started, nothing stored. */
async function dryRun(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const ended = await world.run(['batch', '--dry-run', ...args], { env });
  expect((await world.network.stats()).requests).toBe(0);
  expect(existsSync(world.dataDir)).toBe(false);
  return ended;
}

async function planOf(args: readonly string[]): Promise<z.output<typeof planSchema>> {
  const { code, stdout, stderr } = await dryRun([...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return planSchema.parse(JSON.parse(stdout));
}

function mixed(name: string, audio: string): string {
  const texts = Array.from({ length: 8 }, (_, at) => `{"prompt":"${'word '.repeat(4)}${at}"}`);
  const lines = [...texts, '{"prompt":"see","attachment":"media/one.png"}', audio];
  return world.file(`${name}.jsonl`, `${lines.join('\n')}\n`);
}

describe('a dry run', () => {
  test('counts the items, spreads them as the run would, and sends no prompt', async () => {
    const plan = await planOf([mixed('mixed', '{"prompt":"broken"'), '--skip-invalid']);
    expect(plan.items).toEqual({ all: 10, text: 8, vision: 1, audio: 0, invalid: 1, duplicates: 0, reused: 0 });
    expect(plan.models).toMatchObject([
      { id: 'small:1b', items: { text: 6, vision: 0 }, up: true },
      { id: 'eyes:2b', items: { text: 2, vision: 1 }, up: true },
    ]);
    // 21 characters of ASCII and 8 tokens around them; "see", 8 and a picture.
    expect(plan.promptTokens).toBe(Math.ceil(8 * (21 / 4 + 8) + 3 / 4 + 8 + 1000));
    expect(plan.credits).toEqual({ balance: 500, estimate: null });
  });

  test('is a page within 80 columns that says what no model takes', async () => {
    const input = mixed('audio', '{"prompt":"hear","attachment":"media/beep.wav"}');
    const { code, stdout, stderr } = await dryRun([input, '-o', world.path('results.jsonl')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Items +10 in 1 chunk: 8 text, 1 vision, 1 audio$/m);
    expect(stdout).toMatch(/^small:1b +text +3 +6 +0 +0$/m);
    expect(stdout).toContain('No model takes audio now: 1 item would get no answer');
    expect(stdout).toContain('500 left');
    // The folder of the test is the only thing that may be longer.
    const lines = stdout.replaceAll(world.folder, '').split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(existsSync(world.path('results.jsonl'))).toBe(false);
  });

  test('gives a chosen model everything, also one that is not in the list', async () => {
    const input = mixed('chosen', '{"prompt":"hear","attachment":"media/beep.wav"}');
    const plan = await planOf([input, '-m', 'mine:7b']);
    expect(plan.models).toMatchObject([{ id: 'mine:7b', items: { text: 8, vision: 1, audio: 1 }, up: false }]);
  });

  test('names the run that the command without it starts, and knows it afterwards', async () => {
    const input = world.prompts('same', 3);
    const home = { DRIA_TEMPORAL_HOME: world.path('other-data') };
    const before = await dryRun([input, '--json'], home);
    const { run, earlier } = planSchema.parse(JSON.parse(before.stdout));
    expect(earlier).toBe('none');
    expect((await world.run(['batch', input, '-o', world.path('same-results.jsonl')], { env: home })).code).toBe(0);
    await world.network.reset();
    expect(existsSync(`${home.DRIA_TEMPORAL_HOME}/runs/${run}/summary.json`)).toBe(true);
    const after = await dryRun([input, '--json'], home);
    expect(planSchema.parse(JSON.parse(after.stdout))).toMatchObject({ run, earlier: 'ended' });
    const other = ['batch', '--dry-run', world.prompts('another', 3), '--id', run];
    const { code, stderr } = await world.run(other, { env: home });
    expect([code, stderr]).toEqual([2, expect.stringContaining('belongs to a run of another input')]);
  });

  test('counts the cost where the models have prices', async () => {
    const port = await freePort();
    const model = { id: 'dear:1b', nodes: 1, pricing: { prompt: '0.5', completion: '0.01' } };
    const endpoint = createServer((request, response) => {
      if (request.url === '/v1/models') response.end(JSON.stringify({ data: [model] }));
      else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => endpoint.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void endpoint.close());
    const url = ['--base-url', `http://127.0.0.1:${port}/v1`];
    const input = world.file('dear.jsonl', '{"prompt":"four"}\n{"prompt":"four"}\n');
    const plan = await planOf([input, ...url, '--max-tokens', '100']);
    expect(plan.credits).toEqual({ balance: null, estimate: { atLeast: 9, atMost: 11 } });
  });

  test('reads standard input', async () => {
    const { code, stdout } = await world.run(['batch', '-', '--dry-run'], { stdin: '{"prompt":"a"}\n' });
    expect([code, stdout]).toEqual([0, expect.stringContaining('standard input\nItems      1 in 1 chunk: 1 text')]);
  });
});

describe('a dry run is refused as the run would be', () => {
  test.each<[what: string, input: () => string, flags: string[], words: RegExp]>([
    ['a bad line', () => world.file('bad.jsonl', '{"prompt":3}\n'), [], /bad.jsonl:1: prompt: must be text/],
    ['a missing attachment', () => world.file('lost.jsonl', '{"prompt":"a","attachment":"no.png"}'), [], /no.png/],
    ['a bad option', () => world.prompts('fine', 2), ['--concurrency', '0'], /--concurrency/],
    ['a bad output', () => world.prompts('fine', 2), ['-o', '/nowhere/at/all'], /output folder/],
    ['a bad schema', () => world.prompts('fine', 2), ['--schema', 'a:b'], /--schema/],
    ['a bad profile', () => world.prompts('fine', 2), ['--profile', 'nobody'], /profile/],
  ])('for %s', async (_what, input, flags, words) => {
    expect(await refused(world, ['batch', '--dry-run', input(), ...flags])).toMatch(words);
  });

  test('for a wrong key, and for an endpoint that nobody reaches', async () => {
    const strict = createServer((_request, response) => response.writeHead(401).end('invalid API key'));
    const port = await freePort();
    await new Promise<void>((resolve) => strict.listen(port, '127.0.0.1', resolve));
    onTestFinished(() => void strict.close());
    const args = ['batch', '--dry-run', world.prompts('fine', 2), '--base-url'];
    const wrong = await failed(world, [...args, `http://127.0.0.1:${port}/v1`]);
    expect(wrong.stderr).toMatch(/models of .* cannot be had: 401: invalid API key\nCheck DRIA_API_KEY/);
    const nobody = await failed(world, [...args, `http://127.0.0.1:${await freePort()}/v1`, '-m', 'mine']);
    expect(nobody.stderr).toMatch(/cannot be had: network: connection refused/);
  });
});
