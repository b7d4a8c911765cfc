import { expect, inject, it, onTestFinished } from 'vitest';
import { progressUntil, prompts, World } from '../support/batch-world.js';
import { command } from '../support/command.js';
import { until } from '../support/until.js';

const KEYWORD = 2;

/** Ids of a world's runs in a list of the server. */
async function listed(world: World, condition: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of world.batches.list([condition, `TaskQueue = '${world.taskQueue}'`]))
    ids.push(workflowId);
  return ids;
}

it('a run puts its state, model and endpoint into the index, and `runs` filters by them', async () => {
  let release = (): void => undefined;
  const held = { includes: 'prompt 7', until: new Promise<void>((resolve) => (release = resolve)) };
  onTestFinished(() => release());
  const world = await World.open({ held });
  const batch = ['batch', world.input(prompts(3), 'refused.jsonl'), '--search-attributes'];
  const env = { DRIA_BASE_URL: world.baseUrl, DRIA_API_KEY: 'test-key' };
  const flags = ['--address', inject('temporalAddress'), '--storage', world.root];

  expect(await world.batches.hasSearchAttributes()).toBe(false);
  const refused = await command([...batch, '--task-queue', world.taskQueue, ...flags], env);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining('has no DriaState, DriaModel, DriaEndpoint'),
  ]);
  expect(refused.stderr).toContain('temporal operator search-attribute create --name DriaState --type Keyword');

  const searchAttributes = { DriaState: KEYWORD, DriaModel: KEYWORD, DriaEndpoint: KEYWORD };
  await world.client.connection.operatorService.addSearchAttributes({ namespace: 'default', searchAttributes });
  await until('the server has them', () => world.batches.hasSearchAttributes());

  const input = { endpoint: world.baseUrl, searchAttributes: true } as const;
  const one = await world.start(prompts(10), { ...input, options: { model: 'qwen3.5:9b' } });
  const plain = await world.start(prompts(2), { options: { model: 'qwen3.5:9b' } });
  await plain.result();
  await progressUntil(one, 'it runs', ({ ok }) => ok > 0);
  await one.pause();
  await until('it is indexed as paused', async () => (await listed(world, "DriaState = 'paused'")).includes(one.id));
  expect(await listed(world, `DriaModel = 'qwen3.5:9b' AND DriaEndpoint = '${world.baseUrl}'`)).toEqual([one.id]);

  const runs = async (...filter: string[]) => {
    const { stdout } = await command(['runs', '--json', ...filter, ...flags]);
    return stdout.split('\n').filter((line) => [one, plain].some(({ id }) => line.includes(id)));
  };
  expect(await runs('--state', 'paused')).toEqual([expect.stringContaining(one.id)]);
  expect(await runs('--state', 'running,waiting')).toEqual([]);
  // A run that is not in the index is looked at as before.
  expect(await runs('--state', 'completed')).toEqual([expect.stringContaining(plain.id)]);
  expect(await runs('--model', 'qwen3.5:9b')).toEqual([expect.stringContaining(one.id)]);
  expect(await runs('--model', "it's")).toEqual([]);

  await one.set({ model: null });
  await one.resume();
  release();
  await one.result();
  await until('its end is indexed', async () => {
    return (await listed(world, "DriaState = 'completed' AND DriaModel = 'any'")).includes(one.id);
  });

  const broken = await world.start('/nowhere.jsonl', input);
  await expect(broken.result()).rejects.toThrow();
  await until('a failure is indexed', async () => (await listed(world, "DriaState = 'failed'")).includes(broken.id));
});
