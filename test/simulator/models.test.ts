import { expect, test } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import { dig, sim, simulator, statuses } from './harness.js';

async function listed(options: SimulatorOptions): Promise<unknown> {
  const { url } = await simulator({ anonymous: true, ...options });
  return (await fetch(`${url}/models`)).json();
}
const models = [{ id: 'qwen3.5:9b', nodes: 3 }];

test('the list has OpenAI’s form with the models of Dria’s registry', async () => {
  const list = await listed({});
  expect(dig(list, 'object')).toBe('list');
  expect(dig(list, 'data', 'length')).toBe(12);
  expect(dig(list, 'data', 0)).toEqual({
    id: 'lfm2.5:1.2b',
    object: 'model',
    created: 0,
    owned_by: 'dria-simulator',
    nodes: 24,
  });
});

test('the field of the nodes has the name that was asked for, also one level down', async () => {
  expect(dig(await listed({ models, nodesField: 'node_count' }), 'data', 0, 'node_count')).toBe(3);
  const nested = await listed({ models, nodesField: 'metadata.nodes', modalityField: 'metadata.modality' });
  expect(dig(nested, 'data', 0, 'metadata')).toEqual({ nodes: 3, modality: 'vision' });
});

test('models come, change and go while the network runs', async () => {
  const network = await simulator({ models });
  await sim(network, 'PATCH', 'models', [
    { id: 'qwen3.5:9b', nodes: 0 },
    { id: 'new', nodes: 1 },
  ]);
  expect(await statuses(network, ['Hi'], { model: 'qwen3.5:9b' })).toEqual([503]);
  expect(await statuses(network, ['Hi'], { model: 'new' })).toEqual([200]);
  expect(await sim(network, 'PUT', 'models', models)).toEqual([{ id: 'qwen3.5:9b', nodes: 3, modality: 'vision' }]);
  expect(await statuses(network, ['Hi'], { model: 'new' })).toEqual([503]);
  expect(await statuses(network, ['Hi'], { model: 'qwen3.5:9b' })).toEqual([200]);
});
