import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API_KEY, CliWorld } from '../support/cli.js';
import { type LiteLlm, PROXY_KEY, startLiteLlm } from '../support/litellm.js';
import { pythonWith } from '../support/python.js';
import { readResults } from '../support/result-lines.js';

const python = pythonWith(['litellm.proxy.proxy_server'], 'the test against a LiteLLM proxy');

const MODELS = ['lfm2.5:1.2b', 'qwen3.5:9b'];

describe.skipIf(python === undefined)('a LiteLLM proxy before a simulated network', () => {
  let world: CliWorld;
  let proxy: LiteLlm;

  beforeAll(async () => {
    world = await CliWorld.open();
    const file = world.path('litellm.json');
    proxy = await startLiteLlm(python ?? '', { file, upstream: world.network.url, models: MODELS, key: API_KEY });
  });
  afterAll(async () => {
    await proxy.stop();
    await world.close();
  });

  async function batch(input: string, key: string, ...options: readonly string[]) {
    const output = world.path(`${input.replace(/.*\//, '')}.out.jsonl`);
    const env = { DRIA_BASE_URL: proxy.url, DRIA_API_KEY: key };
    const ended = await world.run(['batch', input, '-o', output, '-c', '4', ...options], { env });
    return { ended, lines: () => readResults(output) };
  }

  test('answers every item once, by the models that it lists', async () => {
    const { ended, lines } = await batch(world.prompts('listed', 40), PROXY_KEY);
    expect(ended).toMatchObject({ code: 0 });
    expect(lines()).toHaveLength(40);
    expect([...new Set(lines().map(({ model }) => model))].sort()).toEqual(MODELS);
    expect(await world.network.requestsOf('listed')).toHaveLength(40);
  });

  test('refuses a wrong key before anything is spent, in words', async () => {
    const { ended } = await batch(world.prompts('wrong', 3), 'sk-wrong');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/key/i);
    expect(ended.stderr).not.toContain('sk-wrong');
    expect(await world.network.requestsOf('wrong')).toEqual([]);
  });

  test('refuses a model that it does not have before anything is spent', async () => {
    const { ended } = await batch(world.prompts('unlisted', 3), PROXY_KEY, '-m', 'gpt-nowhere');
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('gpt-nowhere');
  });
});
