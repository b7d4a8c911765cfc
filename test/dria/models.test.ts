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
    [{ modalities: ['text', 'image', 'audio'] }, 'vision+audio'],
    [{ architecture: { input_modalities: ['file', 'image', 'text'] } }, 'vision+document'],
    [{ capabilities: { vision: true, file_search: true, pdf: false } }, 'vision'],
    [{ capabilities: ['vision', 'pdf_input'] }, 'vision+document'],
    [{ type: 'vlm' }, 'vision'],
    [{ type: 'image-text-to-text' }, 'vision'],
    [{ type: 'text-to-text' }, 'text'],
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

describe('a model that cannot chat', () => {
  it.each<object>([
    { id: 'text-embedding-3-small' },
    { id: 'nomic-embed-text:latest' },
    { id: 'BAAI/bge-m3' },
    { id: 'all-minilm:33m' },
    { id: 'jina-reranker-v2' },
    { id: 'openai/whisper-large-v3' },
    { id: 'gpt-4o-mini-tts' },
    { id: 'gpt-4o-transcribe' },
    { id: 'omni-moderation-latest' },
    { id: 'dall-e-3' },
    { id: 'gpt-image-1' },
    { id: 'black-forest-labs/FLUX.1-schnell' },
    { id: 'sora-2' },
    { id: 'meta-llama/Llama-Guard-4-12B' },
    { id: 'gpt-3.5-turbo-instruct' },
    { id: 'm', type: 'embedding' },
    { id: 'm', type: 'embeddings' },
    { id: 'm', type: 'rerank' },
    { id: 'm', type: 'moderation' },
    { id: 'm', type: 'image' },
    { id: 'm', type: 'text-to-image' },
    { id: 'm', task: 'feature-extraction' },
    { id: 'm', mode: 'audio_transcription' },
    { id: 'm', pipeline_tag: 'automatic-speech-recognition' },
    { id: 'm', metadata: { type: 'embedding' } },
    { id: 'm', capabilities: ['embedding'] },
    { id: 'mistral-embed-2', capabilities: { completion_chat: false } },
    { id: 'm', architecture: { output_modalities: ['image'] } },
  ])('is left out: %j', (fields) => {
    expect(parseModels([fields, { id: 'chats' }]).map(({ id }) => id)).toEqual(['chats']);
  });

  it.each<object>([
    { id: 'qwen3.5:9b' },
    { id: 'lfm2.5-audio:1.5b' },
    { id: 'gpt-4o-audio-preview' },
    { id: 'voxtral-mini' },
    { id: 'some-embedder', type: 'chat' },
    { id: 'm', type: 'llm' },
    { id: 'm', type: 'vlm' },
    { id: 'm', type: 'language' },
    { id: 'm', type: 'image-text-to-text' },
    { id: 'm', type: 'model' },
    { id: 'm', mode: 'chat' },
    { id: 'm', capabilities: ['completion', 'vision', 'embedding'] },
    { id: 'embed-chat', capabilities: { completion_chat: true } },
    { id: 'm', architecture: { output_modalities: ['text', 'image'] } },
  ])('is not every other: %j', (fields) => {
    expect(parseModels([fields])).toHaveLength(1);
  });
});

it('a models list is believed only so far: counts, ids and its length', () => {
  const data = [{ id: 'a', nodes: 1e300 }, { id: 'a', nodes: 9 }, { id: 'x'.repeat(257) }, { id: 'b' }];
  expect(parseModels({ data })).toEqual([
    { id: 'a', nodes: 1_000_000, modality: 'text' },
    { id: 'b', nodes: 1, modality: 'text' },
  ]);
  expect(parseModels(Array.from({ length: 20_000 }, (_, n) => ({ id: `m${n}` })))).toHaveLength(10_000);
});
