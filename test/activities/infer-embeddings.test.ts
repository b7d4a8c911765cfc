import { describe, expect, it } from 'vitest';
import type { PackResult } from '../../src/batch/activity-contract.js';
import { startSimulator } from '../../src/simulator/server.js';
import type { Script } from '../dria/scripted-server.js';
import { errorBody, scripted } from './endpoints.js';

const OPTIONS = { api: 'embeddings', embedBatch: 4 } as const;
const PROMPTS = Array.from({ length: 10 }, (_, at) => `text ${at}`);

function inputsIn(body: string): string[] {
  const { input }: { input: string | string[] } = JSON.parse(body);
  return typeof input === 'string' ? [input] : input;
}

/** Vectors of one number, the last digit of each text, and 10 tokens for each text. */
function vectors(body: string): string {
  const inputs = inputsIn(body);
  const data = inputs.map((text, index) => ({ object: 'embedding', index, embedding: [Number(text.at(-1))] }));
  const tokens = 10 * inputs.length;
  return JSON.stringify({ object: 'list', data, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

/** Refuses requests by their inputs: a status, or undefined for a good answer. `n` is the number of the request. */
function refusing(refuse: (inputs: readonly string[], n: number) => number | undefined): Script {
  return (response, { body }, n) => {
    const status = refuse(inputsIn(body), n);
    if (status === undefined) response.writeHead(200).end(vectors(body));
    else response.writeHead(status).end(errorBody('too long'));
  };
}

async function asked(script: Script, options: object = {}, prompts: readonly (string | object)[] = PROMPTS) {
  const { world, server } = await scripted(prompts, script, { options: { ...OPTIONS, ...options } });
  return { world, inputs: () => server.received.map(({ body }) => inputsIn(body).length), server };
}

function sent({ counts }: PackResult): object {
  const { ok, failed, requests, retries, tokens } = counts;
  return { ok, failed, requests, retries, tokens };
}

describe('items that are asked together', () => {
  it('get a vector and their part of the tokens each', async () => {
    const { world, inputs, server } = await asked(refusing(() => undefined));
    const result = await world.infer('0-9', { permits: 3 });
    expect(sent(result)).toEqual({ ok: 10, failed: 0, requests: 3, retries: 0, tokens: 100 });
    expect(inputs().sort()).toEqual([2, 4, 4]);
    expect(server.received.every(({ path }) => path === '/v1/embeddings')).toBe(true);
    const answers = await world.answers();
    expect(answers.map(({ result: line }) => line)).toEqual(
      PROMPTS.map((_, at) => ({ id: at + 1, model: 'qwen3.5:9b', embedding: [at], tokens: 10 })),
    );
    // A worker that takes over counts as many requests.
    expect(sent(await world.infer('0-9', {}, { attempt: 2 }))).toEqual(sent(result));
  });

  it('fail alone if they are refused, and do not fail the others', async () => {
    const { world, inputs } = await asked(refusing((texts) => (texts.includes('text 6') ? 400 : undefined)));
    const result = await world.infer('0-9', { permits: 1 });
    expect(sent(result)).toEqual({ ok: 9, failed: 1, requests: 7, retries: 0, tokens: 90 });
    expect(inputs()).toEqual([4, 4, 2, 2, 2, 1, 1]);
    expect(await world.failures()).toMatchObject([{ item: 6, failure: { error: '400: too long', attempts: 1 } }]);
    expect(sent(await world.infer('0-9', {}, { attempt: 2 }))).toEqual(sent(result));
  });

  it('are fewer from then on if their number was refused', async () => {
    const { world, inputs, server } = await asked(
      refusing((texts) => (texts.length > 2 ? 413 : undefined)),
      {},
      PROMPTS.slice(0, 8),
    );
    expect(sent(await world.infer('0-3', { permits: 1 }))).toMatchObject({ ok: 4, requests: 3 });
    const { notes } = await world.infer('4-7', { permits: 1 }, { activityId: 'pack-2' });
    expect(inputs()).toEqual([4, 2, 2, 2, 2]);
    expect(notes).toEqual(['qwen3.5:9b: the endpoint refuses 4 inputs in a request; 2 are sent at most']);
    expect(server.received).toHaveLength(5);
  });

  it('are asked again by fewer, and the last time alone', async () => {
    const { world, inputs } = await asked(
      refusing((texts) => (texts.includes('text 1') ? 500 : undefined)),
      { embedBatch: 8, retries: 2 },
    );
    const first = await world.infer('0-7', { options: { retries: 2 } });
    expect(sent(first)).toEqual({ ok: 0, failed: 0, requests: 1, retries: 0, tokens: 0 });
    expect(first.failed).toBe('0-7');
    await world.infer('0-7', { options: { retries: 2 } }, { activityId: 'pack-2', attempt: 2 });
    const last = await world.infer('0-1', { options: { retries: 2 } }, { activityId: 'pack-3', attempt: 2 });
    expect(inputs()).toEqual([8, 2, 2, 2, 2, 1, 1]);
    expect(last.counts).toMatchObject({ ok: 1, failed: 1, requests: 2, retries: 2 });
  });

  it('count one request when all their attempts are used up together, also for a worker that takes over', async () => {
    const { world } = await asked(refusing(() => 500));
    const none = { options: { retries: 0 } };
    const result = await world.infer('0-3', none);
    expect(result.counts).toMatchObject({ ok: 0, failed: 4, requests: 1 });
    expect((await world.infer('0-3', none, { attempt: 2 })).counts).toMatchObject({ failed: 4, requests: 1 });
  });

  it('have lines with several inputs, tokens and fields of their own among them', async () => {
    const line = (id: string, body: object): object => ({ custom_id: id, url: '/v1/embeddings', body });
    const simulator = await startSimulator({ models: [{ id: 'bge-m3', nodes: 1 }] });
    try {
      const { world } = await asked((response) => response.end(), { raw: true, api: undefined }, [
        line('a', { input: ['one', 'two'] }),
        line('b', { input: [1, 2, 3] }),
        line('c', { input: 'three', encoding_format: 'base64', dimensions: 2 }),
        line('d', { input: 'four' }),
      ]);
      const other = await world.beside({ baseUrl: simulator.url });
      const { counts } = await other.infer('0-3', { target: 'bge-m3' });
      expect(counts).toMatchObject({ ok: 4, requests: 3 });
      const [a, b, c, d] = (await world.answers()).map(({ result }) => result);
      expect(a).toMatchObject({ id: 'a', embeddings: [expect.any(Array), expect.any(Array)], raw: { object: 'list' } });
      expect(b).toMatchObject({ id: 'b', embedding: expect.any(Array) });
      expect(c).toMatchObject({ id: 'c', embedding: expect.stringMatching(/^[\w+/]{11}=$/) });
      expect(d?.raw).toMatchObject({ data: [{ embedding: d?.embedding }] });
    } finally {
      await simulator.close();
    }
  });
});
