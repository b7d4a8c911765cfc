import { describe, expect, it, onTestFinished } from 'vitest';
import { type Script, ScriptedServer } from '../dria/scripted-server.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, failureOf, KEY } from '../support/activity-env.js';

const LIST = JSON.stringify({ data: [{ id: 'm', nodes: 3 }] });

/** A worker of a server that answers the models list and the balance as given. */
async function served(models: [number, string], balance: [number, string]) {
  const script: Script = (response, { path }) => {
    const [status, body] = path.endsWith('/models') ? models : balance;
    response.writeHead(status).end(body);
  };
  const server = await new ScriptedServer(script).listen();
  onTestFinished(() => server.close());
  return { server, world: await ActivityWorld.open({ baseUrl: server.baseUrl }) };
}

const fetchModels = (world: ActivityWorld, checkKey = true) => world.run('fetchModels', { checkKey });

describe('fetchModels', () => {
  it('gives the models that have nodes', async () => {
    const models = [
      { id: 'qwen3.5:9b', nodes: 4 },
      { id: 'nanbeige:3b', nodes: 0 },
    ];
    const { url } = await simulator({ models, keys: [KEY] });
    const world = await ActivityWorld.open({ baseUrl: url });
    expect(await fetchModels(world)).toEqual([{ id: 'qwen3.5:9b', nodes: 4, modality: 'vision' }]);
  });

  it('fails for good with one clear message when the key is refused, and never names it', async () => {
    const { url } = await simulator({ keys: ['another'] });
    const failure = await failureOf(fetchModels(await ActivityWorld.open({ baseUrl: url })));
    expect(failure).toMatchObject({ type: 'Unauthorized', nonRetryable: true });
    expect(failure.message).toMatch(/^401: /);
    expect(JSON.stringify(failure) + failure.stack).not.toContain(KEY);
  });

  it('finds a wrong key where only the balance asks for one', async () => {
    const { world } = await served([200, LIST], [401, 'invalid API key']);
    expect(await failureOf(fetchModels(world))).toMatchObject({
      type: 'Unauthorized',
      message: '401: invalid API key',
    });
  });

  it.each<[number, string]>([
    [404, 'not found'],
    [500, 'broken'],
    [429, 'slow down'],
    [200, 'nonsense'],
  ])('does without the balance of an endpoint that answers %i %s', async (status, body) => {
    const { world } = await served([200, LIST], [status, body]);
    expect(await fetchModels(world)).toEqual([{ id: 'm', nodes: 3, modality: 'text' }]);
  });

  it('asks for no balance when the key is known to be good', async () => {
    const { world, server } = await served([200, LIST], [401, '']);
    await fetchModels(world, false);
    expect(server.received.map(({ path }) => path)).toEqual(['/v1/models']);
  });

  it.each<[number, string, string, boolean]>([
    [500, 'broken', 'ServerError', false],
    [503, 'no nodes available', 'NoNodesAvailable', false],
    [404, 'not found', 'InvalidRequest', true],
    [200, 'nonsense', 'BadResponse', false],
  ])('that gets %i %s fails with %s', async (status, body, type, nonRetryable) => {
    const { world } = await served([status, body], [404, '']);
    expect(await failureOf(fetchModels(world))).toMatchObject({ type, nonRetryable });
  });

  it('that finds nobody fails in a way that is tried again', async () => {
    const { world, server } = await served([200, LIST], [404, '']);
    await server.close();
    expect(await failureOf(fetchModels(world))).toMatchObject({ type: 'NetworkError', nonRetryable: false });
  });
});
