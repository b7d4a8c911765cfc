import { createHash, randomBytes } from 'node:crypto';
import { rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packHeartbeatSchema } from '../../src/batch/pack-heartbeat.js';
import type { RequestRecord } from '../../src/simulator/record.js';
import type { Simulator } from '../../src/simulator/server.js';
import { completion } from '../dria/scripted-server.js';
import { PNG, WAV } from '../input/helpers.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, CHAIN, failureOf } from '../support/activity-env.js';
import { until } from '../support/until.js';
import { byPrompt, controlled, Held, scripted } from './endpoints.js';

async function requestsOf({ url }: Simulator): Promise<RequestRecord[]> {
  const text = await (await fetch(`${url}/_sim/requests`)).text();
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

/** Four prompts, `zero` to `three`, and a simulated network. */
async function fourItems() {
  const network = await simulator();
  const world = await ActivityWorld.open({ baseUrl: network.url });
  await world.prepare(['zero', 'one', 'two', 'three']);
  const asked = async () => (await requestsOf(network)).map(({ prompt }) => prompt);
  return { world, network, asked };
}

describe('a pack', () => {
  it('asks its items one after another on one permit and records the answers', async () => {
    const { world, network } = await fourItems();
    const result = await world.infer('0-3');
    const answers = await world.answers();
    expect(answers.map(({ item }) => item)).toEqual([0, 1, 2, 3]);
    const tokens = answers.reduce((sum, { result: { tokens } }) => sum + tokens, 0);
    expect(result).toMatchObject({ failed: '', refused: '', open: '', lastFailures: [], notes: [] });
    expect(result.counts).toMatchObject({ ok: 4, failed: 0, truncated: 0, empty: 0, requests: 4, retries: 0, tokens });
    expect(result.counts.models).toEqual({ 'qwen3.5:9b': { sent: 4, ok: 4, failed: 0, fallbacks: 0, tokens } });
    expect(Object.values(result.counts.latency).reduce((sum, count) => sum + count, 0)).toBe(4);
    expect(await requestsOf(network)).toMatchObject([
      { prompt: 'zero', model: 'qwen3.5:9b', maxTokens: 100, temperature: 0.5, hasSchema: false },
      { prompt: 'one' },
      { prompt: 'two' },
      { prompt: 'three' },
    ]);
  });

  it('may be some items of the chunk only', async () => {
    const { world, asked } = await fourItems();
    expect(await world.infer('1,3')).toMatchObject({ counts: { ok: 2 }, open: '' });
    expect(await asked()).toEqual(['one', 'three']);
  });

  it('writes lines with the fields in the promised order', async () => {
    const { world } = await fourItems();
    await world.infer('2');
    const [record] = await world.answers();
    expect(Object.keys(record?.result ?? {})).toEqual(['id', 'model', 'output', 'tokens']);
    expect(record?.result).toMatchObject({ id: 3, model: 'qwen3.5:9b' });
  });

  it('writes the facts of an answer with detail, all attempts and targets included', async () => {
    const { world } = await fourItems();
    await world.append({ item: 2, try: { target: 'other', error: '500: no', attempt: 1 } });
    await world.append({ item: 2, try: { target: 'qwen3.5:9b', error: '500: no', attempt: 2 } });
    await world.infer('2', { options: { detail: true }, reread: true });
    const [record] = await world.answers();
    expect(Object.keys(record?.result ?? {})).toEqual([
      'id',
      'model',
      'output',
      'tokens',
      'prompt_tokens',
      'completion_tokens',
      'finish_reason',
      'attempts',
      'latency_ms',
      'node_id',
      'models_tried',
    ]);
    expect(record?.result).toMatchObject({ attempts: 3, finish_reason: 'stop', models_tried: ['other', 'qwen3.5:9b'] });
  });

  it('has in its heartbeats how far it is, and nothing else', async () => {
    const held = await Held.open(4);
    const beats: object[] = [];
    const { options } = controlled();
    const pack = held.world.infer(
      '0-3',
      { permits: 2 },
      {
        heartbeatTimeoutMs: 60,
        onStart: (environment) => {
          options.onStart?.(environment);
          environment.on('heartbeat', (details) => beats.push(details));
        },
      },
    );
    await held.underWay('p0', 'p1');
    held.reply('p0');
    held.reply('p1', 500);
    await held.underWay('p2', 'p3');
    await until('a heartbeat has both', () => JSON.stringify(beats.at(-1)).includes('"requests":2'));
    await held.replyToAll(pack);
    const { tokens } = (await pack).counts;
    expect(beats).toContainEqual({
      target: 'qwen3.5:9b',
      open: 2,
      ok: 1,
      failed: 0,
      truncated: 0,
      empty: 0,
      tokens: tokens / 3,
      wastedTokens: 0,
      cachedTokens: 0,
      requests: 2,
    });
    for (const beat of beats) expect(packHeartbeatSchema.strict().parse(beat)).toEqual(beat);
  });

  it('counts answers cut at the token limit', async () => {
    const world = await ActivityWorld.open({ baseUrl: (await simulator({ answerTokens: 500 })).url });
    await world.prepare(['zero']);
    expect(await world.infer('0', { options: { maxTokens: 5 } })).toMatchObject({ counts: { ok: 1, truncated: 1 } });
    expect(await world.answers()).toMatchObject([{ truncated: true }]);
  });

  it('marks answers that a content filter has cut', async () => {
    const choices = [{ message: { content: 'Once upon' }, finish_reason: 'content_filter' }];
    const body = completion('', { choices });
    const { world } = await scripted(
      ['zero', 'one'],
      byPrompt((prompt) => (prompt === 'zero' ? { status: 200, body } : 'ok')),
    );
    expect(await world.infer('0-1')).toMatchObject({ counts: { ok: 2, truncated: 0 } });
    const answers = await world.answers();
    expect(answers.map(({ filtered, result: { output } }) => [filtered, output])).toEqual([
      [true, 'Once upon'],
      [undefined, 'Yes.'],
    ]);
  });

  it('returns what was learnt of its target', async () => {
    const network = await simulator({ quirks: ['reasoning-model'] });
    const world = await ActivityWorld.open({ baseUrl: network.url });
    await world.prepare(['zero', 'one']);
    const result = await world.infer('0-1');
    expect(result).toMatchObject({ counts: { ok: 2, requests: 2 } });
    expect(result.notes.join()).toMatch(/max_completion_tokens|temperature/);
  });
});

describe('attachments', () => {
  const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

  it('reach the model byte for byte, streamed from their files or from the line', async () => {
    const image = Buffer.concat([PNG, randomBytes(700_001)]);
    const sound = Buffer.concat([WAV, randomBytes(300_002)]);
    const network = await simulator();
    const world = await ActivityWorld.open({ baseUrl: network.url });
    await world.file('pictures/one.png', image);
    await world.file('two.wav', sound);
    const data = `data:image/png;base64,${PNG.toString('base64')}`;
    await world.prepare([
      { prompt: 'see', attachment: 'pictures/one.png' },
      { prompt: 'hear', attachment: 'two.wav' },
      { prompt: 'look', attachment: data },
      { prompt: 'there', attachment: 'https://example.com/three.png' },
    ]);
    expect(await world.infer('0,2-3', { modality: 'vision' })).toMatchObject({ counts: { ok: 3, failed: 0 } });
    const hearing = { target: 'lfm2.5-audio:1.5b', modality: 'audio' as const };
    expect(await world.infer('1', hearing)).toMatchObject({ counts: { ok: 1, failed: 0 } });
    expect((await requestsOf(network)).map(({ attachment }) => attachment)).toEqual([
      { kind: 'image', bytes: image.length, sha256: sha256(image) },
      { kind: 'image', bytes: PNG.length, sha256: sha256(PNG) },
      { kind: 'image', url: 'https://example.com/three.png' },
      { kind: 'audio', bytes: sound.length, sha256: sha256(sound) },
    ]);
  });

  it('that have changed since they were checked fail their item with what has changed, and nothing is sent', async () => {
    const network = await simulator();
    const world = await ActivityWorld.open({ baseUrl: network.url });
    const names = ['longer.png', 'written.png', 'same.png'];
    const paths = await Promise.all(names.map((name) => world.file(name, PNG)));
    await world.prepare(names.map((attachment) => ({ prompt: attachment, attachment })));
    await world.file('longer.png', Buffer.concat([PNG, PNG]));
    await utimes(paths[1] ?? '', 1_000, 1_000);
    const result = await world.infer('0-2', { modality: 'vision' });
    expect(result).toMatchObject({ counts: { ok: 1, failed: 2, requests: 1 } });
    expect((await world.failures()).map(({ failure }) => failure.error)).toEqual([
      expect.stringMatching(
        /^attachment: "longer\.png" has changed since the input was checked: it had 70 bytes, and has 140 now; /,
      ),
      expect.stringMatching(
        /^attachment: "written\.png" has changed .*: it was written to at 1970-01-01T00:16:40.000Z/,
      ),
    ]);
    expect((await requestsOf(network)).map(({ prompt }) => prompt)).toEqual(['same.png']);
  });

  it('that have become forbidden since they were checked fail their item at once, and nothing is sent', async () => {
    const { world, asked } = await fourItems();
    await world.file('outside/secret.png', PNG);
    await world.file('in/picture.png', PNG);
    const input = await world.file(
      'in/prompts.jsonl',
      '{"prompt":"see","attachment":"picture.png"}\n{"prompt":"hi"}\n',
    );
    await world.run('readManifest', { run: 'other', chain: CHAIN, batch: { input } });
    await rm(join(world.folder, 'in/picture.png'));
    await symlink('../outside/secret.png', join(world.folder, 'in/picture.png'));
    const result = await world.infer('0-1', { run: 'other' });
    expect(result).toMatchObject({ counts: { ok: 1, failed: 1, requests: 1 }, open: '', failed: '' });
    expect(result.lastFailures).toMatchObject([
      { item: 0, error: expect.stringMatching(/^attachment: "picture\.png"/) },
    ]);
    const [record] = await world.failures('other');
    expect(record?.failure).toMatchObject({ attempts: 0, tried: [] });
    expect(await asked()).toEqual(['hi']);
  });
});

it('a worker of another endpoint refuses the run: its key goes nowhere else', async () => {
  const [network, elsewhere] = [await simulator(), await simulator()];
  const world = await ActivityWorld.open({ baseUrl: network.url });
  await world.prepare(['zero'], { endpoint: network.url });
  const stranger = await world.beside({ baseUrl: elsewhere.url });
  const failure = await failureOf(stranger.infer('0'));
  expect(failure).toMatchObject({ type: 'WrongEndpoint', nonRetryable: true });
  expect(failure.message).toContain(`DRIA_BASE_URL=${network.url}`);
});

describe('the size of a result', () => {
  const WORDS = '😀'.repeat(300);

  it('of 2,000 items that all fail with long words is below 100 KB', async () => {
    const prompts = Array.from({ length: 2_000 }, (_, item) => `p${item}`);
    const body = JSON.stringify({ error: { message: WORDS } });
    const { world } = await scripted(
      prompts,
      byPrompt((prompt) => (prompt === 'p0' ? 'ok' : { status: 400, body })),
    );
    const result = await world.infer('0-1999', { permits: 20 });
    expect(result).toMatchObject({ counts: { ok: 1, failed: 1_999, failedByKind: { 400: 1_999 } } });
    expect(result.lastFailures).toHaveLength(5);
    expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThan(100_000);
    for (const { error } of result.lastFailures) {
      expect([...error].length).toBeLessThanOrEqual(300);
      // No character is cut in half.
      expect(Buffer.from(error, 'utf8').toString('utf8')).toBe(error);
    }
  });

  it('of 2,000 items of which every other is to be asked again is below 100 KB', async () => {
    const prompts = Array.from({ length: 2_000 }, (_, item) => `p${item}`);
    const body = JSON.stringify({ error: { message: WORDS } });
    const { world } = await scripted(
      prompts,
      byPrompt((prompt) => (Number(prompt.slice(1)) % 2 === 0 ? 'ok' : { status: 500, body })),
    );
    const failure = await failureOf(world.infer('0-1999', { permits: 20, retrying: true }));
    expect(Buffer.byteLength(JSON.stringify([failure.message, failure.details]))).toBeLessThan(100_000);
  });
});
