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

const fetchModels = (world: ActivityWorld) => world.run('fetchModels', {});
const readBalance = (world: ActivityWorld, needed = false) => world.run('readBalance', { needed });

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

  it.each<[number, string, string, boolean]>([
    [500, 'broken', 'ServerError', false],
    [503, 'no nodes available', 'NoNodesAvailable', false],
    [404, 'not found', 'InvalidRequest', false],
    [200, 'nonsense', 'BadResponse', false],
  ])('that gets %i %s fails with %s', async (status, body, type, nonRetryable) => {
    const { world } = await served([status, body], [404, '']);
    expect(await failureOf(fetchModels(world))).toMatchObject({ type, nonRetryable });
  });

  it('that finds nobody fails in a way that is tried again', async () => {
    const { world, server } = await served([200, LIST], [404, '']);
    await server.close();
    expect(await failureOf(fetchModels(world))).toMatchObject({ type: 'EndpointUnavailable', nonRetryable: false });
  });
});

describe('readBalance', () => {
  it('gives the credits of the account', async () => {
    const { url } = await simulator({ credits: 7, keys: [KEY] });
    expect(await readBalance(await ActivityWorld.open({ baseUrl: url }))).toEqual({ balance: 7 });
  });

  it('finds a wrong key where only the balance asks for one', async () => {
    const { world } = await served([200, LIST], [401, 'invalid API key']);
    expect(await failureOf(readBalance(world))).toMatchObject({
      type: 'Unauthorized',
      message: '401: invalid API key',
      nonRetryable: true,
    });
  });

  it.each<[number, string]>([
    [404, 'not found'],
    [500, 'broken'],
    [429, 'slow down'],
    [200, 'nonsense'],
  ])('does without the balance of an endpoint that answers %i %s', async (status, body) => {
    const { world } = await served([200, LIST], [status, body]);
    expect(await readBalance(world)).toEqual({});
  });

  it('is tried again where the balance is needed and cannot be told now', async () => {
    const { world } = await served([200, LIST], [500, 'broken']);
    expect(await failureOf(readBalance(world, true))).toMatchObject({ type: 'ServerError', nonRetryable: false });
  });
});
