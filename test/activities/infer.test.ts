import { createHash, randomBytes } from 'node:crypto';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailureCategory } from '@temporalio/common';
import { describe, expect, it } from 'vitest';
import { packBeatSchema } from '../../src/batch/pack-beat.js';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { RequestRecord } from '../../src/simulator/record.js';
import { PNG, WAV } from '../input/helpers.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, type ActivityWorldOptions, failureOf, KEY, RUN } from '../support/activity-env.js';

type Rules = NonNullable<SimulatorOptions['rules']>;

/** Four prompts, `zero` to `three`, and a simulated network with rules. */
async function fourItems(rules: Rules = [], more: Partial<ActivityWorldOptions> = {}) {
  const network = await simulator({ rules });
  const world = await ActivityWorld.open({ baseUrl: network.url, ...more });
  await world.prepare(['zero', 'one', 'two', 'three']);
  const requests = async (): Promise<RequestRecord[]> => {
    const text = await (await fetch(`${network.url}/_sim/requests`)).text();
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
  };
  const asked = async () => (await requests()).map(({ prompt }) => prompt);
  return { world, network, requests, asked };
}

const on = (promptIncludes: string, respond: Rules[number]['respond']): Rules => [
  { match: { promptIncludes }, respond },
];

describe('a pack', () => {
  it('asks its items one after another and keeps the answers', async () => {
    const { world, requests } = await fourItems();
    const progress = await world.infer('0-3');
    expect(progress).toMatchObject({ ok: 4, truncated: 0, requests: 4, unfinished: [], remaining: '' });
    expect(progress.latencyMs).toBeGreaterThanOrEqual(0);
    const records = await world.records(progress.segments);
    expect(records.map(({ item }) => item)).toEqual([0, 1, 2, 3]);
    expect(records.reduce((sum, { result }) => sum + result.tokens, 0)).toBe(progress.tokens);
    expect(await requests()).toMatchObject([
      { prompt: 'zero', model: 'qwen3.5:9b', maxTokens: 100, temperature: 0.5, timeoutSecs: 20, hasSchema: false },
      { prompt: 'one' },
      { prompt: 'two' },
      { prompt: 'three' },
    ]);
  });

  it('may be some items of the chunk only', async () => {
    const { world, asked } = await fourItems();
    expect(await world.infer('1,3')).toMatchObject({ ok: 2, remaining: '' });
    expect(await asked()).toEqual(['one', 'three']);
  });

  it('writes lines with the fields in the promised order', async () => {
    const { world } = await fourItems();
    const [record] = await world.records((await world.infer('2')).segments);
    expect(Object.keys(record?.result ?? {})).toEqual(['id', 'model', 'output', 'tokens']);
    expect(record?.result).toMatchObject({ id: 3, model: 'qwen3.5:9b' });
  });

  it('writes the facts of an answer with detail', async () => {
    const { world } = await fourItems();
    const progress = await world.infer('2', { detail: true, attempts: 2, tried: ['other', 'qwen3.5:9b'] });
    const [record] = await world.records(progress.segments);
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

  it('says how far it is in its heartbeats', async () => {
    const { world } = await fourItems(on('two', { kind: 'answer', delayMs: 400 }));
    const beats: unknown[] = [];
    await world.infer(
      '0-3',
      {},
      {
        heartbeatTimeoutMs: 300,
        onStart: (environment) => environment.on('heartbeat', (details) => beats.push(details)),
      },
    );
    expect(beats.length).toBeGreaterThanOrEqual(2);
    expect(beats).toContainEqual(expect.objectContaining({ left: 2, ok: 2, requests: 2 }));
    for (const beat of beats) expect(packBeatSchema.parse(beat)).toMatchObject({ model: 'qwen3.5:9b' });
  });

  it('counts answers cut at the token limit', async () => {
    const network = await simulator({ answerTokens: 500 });
    const world = await ActivityWorld.open({ baseUrl: network.url });
    await world.prepare(['zero']);
    expect(await world.infer('0', { maxTokens: 5 })).toMatchObject({ ok: 1, truncated: 1 });
  });
});

describe('a pack with an item that fails', () => {
  it.each<[string, Rules[number]['respond'], object]>([
    ['a 500', { status: 500, message: 'broken' }, { type: 'ServerError', error: '500: broken' }],
    ['a 400', { status: 400, message: 'too long' }, { type: 'InvalidRequest', error: '400: too long' }],
    ['a 504', { status: 504 }, { type: 'NodeTimeout', error: '504: node timed out' }],
    ['a cut connection', { kind: 'reset' }, { type: 'NetworkError' }],
    ['no answer in it', { kind: 'empty-object' }, { type: 'BadResponse' }],
    ['an error in a 200', { kind: 'error-object' }, { type: 'ServerError' }],
    ['an empty answer', { kind: 'empty-content' }, { type: 'BadResponse' }],
    ['a 429', { status: 429, retryAfterSecs: 0 }, { type: 'RateLimited', retryAfterMs: 0 }],
  ])('by %s goes on with the others and gives it back', async (_what, respond, expected) => {
    const { world } = await fourItems(on('one', respond));
    const progress = await world.infer('0-3');
    expect(progress).toMatchObject({ ok: 3, requests: 4, remaining: '' });
    expect(progress.unfinished).toHaveLength(1);
    expect(progress.unfinished[0]).toMatchObject({ item: 1, ...expected });
    expect((await world.records(progress.segments)).map(({ item }) => item)).toEqual([0, 2, 3]);
  });

  it('by an answer that does not satisfy the schema names the place', async () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
    const network = await simulator({ rules: on('one', { kind: 'answer', content: '{"n":"x"}' }) });
    const world = await ActivityWorld.open({ baseUrl: network.url });
    await world.prepare(['zero', 'one'], { options: { schema } });
    const progress = await world.infer('0-1');
    expect(progress.unfinished).toEqual([
      {
        item: 1,
        type: 'InvalidOutput',
        error: 'invalid output: the answer does not satisfy the schema at /n: must be integer',
      },
    ]);
    const [record] = await world.records(progress.segments);
    expect(Object.keys(record?.result ?? {})).toEqual(['id', 'model', 'output', 'parsed', 'tokens']);
    expect(JSON.parse(String(record?.result.output))).toEqual(record?.result.parsed);
  });
});

describe('a pack that meets what concerns more than an item', () => {
  it('ends at a 503 with what it has done; the item goes back with the rest', async () => {
    const { world, asked } = await fourItems(on('two', { status: 503, message: 'no nodes available' }));
    const failure = await failureOf(world.infer('0-3'));
    expect(failure).toMatchObject({
      type: 'NoNodesAvailable',
      message: '503: no nodes available',
      nonRetryable: true,
      category: ApplicationFailureCategory.BENIGN,
    });
    const [progress] = failure.details ?? [];
    expect(progress).toMatchObject({ ok: 2, requests: 3, unfinished: [], remaining: '2-3' });
    expect(await asked()).toEqual(['zero', 'one', 'two']);
    expect(await world.blockKeys()).toHaveLength(1);
  });

  it.each<[number, string, string]>([
    [401, 'Unauthorized', '401: bad key'],
    [403, 'Unauthorized', '403: bad key'],
    [402, 'PaymentRequired', '402: bad key'],
  ])('ends at a %i and never names the key', async (status, type, message) => {
    const { world } = await fourItems(on('one', { status, message: 'bad key' }));
    const failure = await failureOf(world.infer('0-3'));
    expect(failure).toMatchObject({ type, message, nonRetryable: true });
    expect(failure.details?.[0]).toMatchObject({ ok: 1, remaining: '1-3' });
    expect(JSON.stringify(failure) + failure.stack).not.toContain(KEY);
  });

  it('ends when the model refuses the modality', async () => {
    const network = await simulator({
      rules: [{ respond: { status: 400, message: 'this model does not support image input' } }],
    });
    const world = await ActivityWorld.open({ baseUrl: network.url });
    const attachment = `data:image/png;base64,${PNG.toString('base64')}`;
    await world.prepare([
      { prompt: 'see', attachment },
      { prompt: 'look', attachment },
    ]);
    const failure = await failureOf(world.infer('0-1'));
    expect(failure).toMatchObject({ type: 'ModalityRefused', nonRetryable: true });
    expect(failure.details?.[0]).toMatchObject({ ok: 0, remaining: '0-1' });
  });
});

describe('an item alone', () => {
  it('throws what may pass, for its retry policy, and waits as long as a 429 asks', async () => {
    const { world } = await fourItems(on('one', { status: 429, retryAfterSecs: 7 }));
    const failure = await failureOf(world.infer('1', { alone: true }, { attempt: 3 }));
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false, nextRetryDelay: 7000 });
    expect(failure.category).toBe(ApplicationFailureCategory.BENIGN);
    expect(failure.details?.[0]).toMatchObject({ requests: 3, unfinished: [], remaining: '1' });
  });

  it.each<[Rules[number]['respond'], string, boolean]>([
    [{ status: 500 }, 'ServerError', false],
    [{ status: 400, message: 'too long' }, 'InvalidRequest', true],
    [{ status: 503 }, 'NoNodesAvailable', true],
  ])('answered by %j throws %s', async (respond, type, nonRetryable) => {
    const { world } = await fourItems(on('one', respond));
    expect(await failureOf(world.infer('1', { alone: true }))).toMatchObject({ type, nonRetryable });
  });

  it('counts the requests of all its attempts, and says so with detail', async () => {
    const { world } = await fourItems();
    const progress = await world.infer('1', { alone: true, attempts: 1, detail: true }, { attempt: 2 });
    expect(progress.requests).toBe(2);
    expect((await world.records(progress.segments))[0]?.result.attempts).toBe(3);
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
    expect(await world.infer('0,2-3')).toMatchObject({ ok: 3, unfinished: [] });
    expect(await world.infer('1', { model: 'lfm2.5-audio:1.5b' })).toMatchObject({ ok: 1, unfinished: [] });
    const text = await (await fetch(`${network.url}/_sim/requests`)).text();
    const attachments = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).attachment);
    expect(attachments).toEqual([
      { kind: 'image', bytes: image.length, sha256: sha256(image) },
      { kind: 'image', bytes: PNG.length, sha256: sha256(PNG) },
      { kind: 'image', url: 'https://example.com/three.png' },
      { kind: 'audio', bytes: sound.length, sha256: sha256(sound) },
    ]);
  });

  it('that have become forbidden since they were checked fail their item, and nothing is sent', async () => {
    const { world, asked } = await fourItems();
    await world.file('outside/secret.png', PNG);
    await world.file('in/picture.png', PNG);
    const input = await world.file(
      'in/prompts.jsonl',
      '{"prompt":"see","attachment":"picture.png"}\n{"prompt":"hi"}\n',
    );
    await world.run('readManifest', { run: 'other', batch: { input } });
    await rm(join(world.folder, 'in/picture.png'));
    await symlink('../outside/secret.png', join(world.folder, 'in/picture.png'));
    const progress = await world.infer('0-1', { run: 'other' });
    expect(progress).toMatchObject({ ok: 1, requests: 1 });
    expect(progress.unfinished).toMatchObject([{ item: 0, type: 'InvalidAttachment' }]);
    expect(progress.unfinished[0]?.error).toMatch(/^attachment: "picture\.png" leads through a symbolic link/);
    expect(await asked()).toEqual(['hi']);
    const alone = await failureOf(world.infer('0', { run: 'other', alone: true }));
    expect(alone).toMatchObject({ type: 'InvalidAttachment', nonRetryable: true });
  });
});

describe('a worker of another endpoint', () => {
  it('refuses the run: its key goes nowhere else', async () => {
    const [network, elsewhere] = [await simulator(), await simulator()];
    const world = await ActivityWorld.open({ baseUrl: network.url });
    await world.prepare(['zero'], { endpoint: network.url });
    const stranger = await world.beside({ baseUrl: elsewhere.url });
    const failure = await failureOf(stranger.infer('0'));
    expect(failure).toMatchObject({ type: 'WrongEndpoint', nonRetryable: true });
    expect(failure.message).toContain(`DRIA_BASE_URL=${network.url}`);
  });
});

it('takes nothing over from an earlier run under the same id, whose directory is gone', async () => {
  const { world, asked } = await fourItems();
  await world.infer('0-3');
  // A second attempt has read what is in storage.
  expect(await world.infer('0-3', {}, { attempt: 2 })).toMatchObject({ ok: 4 });
  await world.storage.removeAll(`runs/${RUN}/`);
  await world.prepare(['other zero', 'other one', 'other two', 'other three']);
  const workflowExecution = { workflowId: 'another', runId: '11111111-0000-0000-0000-000000000000' };
  const progress = await world.infer('0-3', {}, { workflowExecution });
  expect((await asked()).slice(4)).toEqual(['other zero', 'other one', 'other two', 'other three']);
  expect(progress).toMatchObject({ ok: 4, requests: 4 });
});
