import { expect, it } from 'vitest';
import type { ChunkState } from '../../src/batch/chunk-state.js';
import { nextPack, startChunk, unstrand } from '../../src/batch/chunk-state.js';
import { clearDown, markDown, refreshModels } from '../../src/batch/model-table.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { losePack } from '../../src/batch/pack-outcome.js';

const NOW = 1_000_000;
const MODEL = 'nanbeige:3b';
const options = batchOptionsSchema.parse({ pack: 4 });

function chunkOfFour(): ChunkState {
  return startChunk({
    chunk: { chunk: 0, first: 0, layout: 't4' },
    answered: new Set(),
    shares: { text: [{ model: MODEL, items: 4 }], vision: [], audio: [] },
    models: refreshModels([], [{ id: MODEL, nodes: 1, modality: 'text' }]),
    latency: {},
    lanes: 1,
    leftElsewhere: 0,
    tokensPerItem: 1,
  });
}

it('looks for what a lost worker had written also when its items had to wait for a model in between', () => {
  const first = nextPack(chunkOfFour(), options, NOW, 1);
  if (first.cut === undefined) throw new Error('no pack was cut');
  const lost = losePack(first.state, first.cut.pack, 'run-pack-1-');
  const waiting = nextPack({ ...lost, models: markDown(lost.models, MODEL, NOW) }, options, NOW, 1).state;
  expect(waiting.stranded).toHaveLength(1);
  const back = unstrand({ ...waiting, models: clearDown(waiting.models) }, NOW);
  expect(nextPack(back, options, NOW, 1).cut?.pack).toMatchObject({ items: [0, 1, 2, 3], takeOver: ['run-pack-1-'] });
});
