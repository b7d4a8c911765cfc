import { expect, it } from 'vitest';
import { modalityOfModel } from '../../src/batch/model-modality.js';

it.each([
  ['lfm2.5:1.2b', 'text'],
  ['lfm2:24b-a2b', 'text'],
  ['nanbeige:3b', 'text'],
  ['locooperator:4b', 'text'],
  ['nemotron:30b-a3b', 'text'],
  ['qwen3.5:0.8b', 'vision'],
  ['qwen3.5:35b-a3b', 'vision'],
  ['Qwen/Qwen3.5:9B', 'vision'],
  ['qwen3.5-9b-instruct', 'vision'],
  ['qwen3.51:9b', 'text'],
  ['qwen3:8b', 'text'],
  ['lfm2.5-vl:1.6b', 'vision'],
  ['lfm2.5-audio:1.5b', 'audio'],
  ['qwen2.5vl:7b', 'vision'],
  ['llama3.2-vision:11b', 'vision'],
  ['whisper-large-v3', 'audio'],
  ['llava:13b', 'vision'],
  ['evla-1b', 'text'],
  ['revision-7b', 'text'],
  ['', 'text'],
])('the model %s takes %s', (id, modality) => {
  expect(modalityOfModel(id)).toBe(modality);
});
