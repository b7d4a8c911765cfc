import { describe, expect, it } from 'vitest';
import { parseModels } from '../../src/dria/models.js';

const one = (fields: object) => parseModels({ object: 'list', data: [{ id: 'm', ...fields }] })[0];

describe('the nodes of a listed model', () => {
  it.each<[object, number | undefined]>([
    [{}, 1],
    [{ nodes: 3 }, 3],
    [{ node_count: 4 }, 4],
    [{ nodeCount: 5 }, 5],
    [{ num_nodes: 6 }, 6],
    [{ available_nodes: 7 }, 7],
    [{ active_nodes: 8 }, 8],
    [{ metadata: { node_count: 9 } }, 9],
    [{ nodes: '12' }, 12],
    [{ nodes: ['a', 'b'] }, 2],
    [{ nodes: null, node_count: 2 }, 2],
    [{ nodes: 'many' }, 1],
    [{ nodes: -1 }, 1],
    [{ nodes: 0 }, undefined],
    [{ metadata: { active_nodes: 0 } }, undefined],
    [{ nodes: [] }, undefined],
  ])('%j: %s', (fields, nodes) => {
    expect(one(fields)?.nodes).toBe(nodes);
  });
});

describe('the modality of a listed model', () => {
  it.each<[object, string]>([
    [{}, 'text'],
    [{ modality: 'vision' }, 'vision'],
    [{ modality: 'Audio' }, 'audio'],
    [{ modality: 'text+image->text' }, 'vision'],
    [{ modality: 'text->text+image' }, 'text'],
    [{ modalities: ['text', 'audio'] }, 'audio'],
    [{ modalities: ['text', 'image', 'audio'] }, 'vision'],
    [{ type: 'vlm' }, 'vision'],
    [{ type: 'image-text-to-text' }, 'vision'],
    [{ type: 'text-to-image' }, 'text'],
    [{ type: 'text', input_modalities: ['text', 'image'] }, 'vision'],
    [{ capabilities: ['completion', 'vision'] }, 'vision'],
    [{ capabilities: { vision: false, audio: true } }, 'audio'],
    [{ capabilities: ['completion', 'audio_output', 'image-generation'] }, 'text'],
    [{ input_modalities: ['image'] }, 'vision'],
    [{ architecture: { input_modalities: ['text', 'audio'] } }, 'audio'],
    [{ metadata: { modality: 'vision' } }, 'vision'],
    [{ id: 'qwen3.5:9b' }, 'vision'],
    [{ id: 'qwen3.5:9b', modality: 'text' }, 'text'],
    [{ id: 'qwen3.5:9b', type: 'model' }, 'vision'],
    [{ modality: 7, type: null }, 'text'],
  ])('%j: %s', (fields, modality) => {
    expect(one(fields)?.modality).toBe(modality);
  });
});

describe('a models list', () => {
  it('keeps its order, leaves out what has no id, and joins what is listed twice', () => {
    const data = [
      { id: 'b', nodes: 2, owned_by: 'dria', created: 1 },
      { name: 'no id' },
      { id: '' },
      null,
      { id: 'a', nodes: 0 },
      { id: 'b', nodes: 3, modality: 'vision' },
      { id: 'a', nodes: 1 },
    ];
    expect(parseModels({ object: 'list', data })).toEqual([
      { id: 'b', nodes: 5, modality: 'vision' },
      { id: 'a', nodes: 1, modality: 'text' },
    ]);
  });

  it('may be empty, a bare array, or under "models"', () => {
    expect(parseModels({ data: [] })).toEqual([]);
    expect(parseModels([{ id: 'm' }])).toHaveLength(1);
    expect(parseModels({ models: [{ id: 'm' }] })).toHaveLength(1);
  });

  it.each([undefined, null, 'x', {}, { data: 'x' }, { data: [{ name: 'm' }] }])('is not %j', (body) => {
    expect(() => parseModels(body)).toThrow(expect.objectContaining({ code: 'BadResponse' }));
  });
});
