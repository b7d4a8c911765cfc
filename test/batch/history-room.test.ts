import { expect, it } from 'vitest';
import { eventsOfAChunk, PACKS_OF_A_CHUNK } from '../../src/batch/history-room.js';

const run = (items: number, chunks: number) => ({
  items,
  chunks,
  invalid: 0,
  modalities: { text: items, vision: 0, audio: 0 },
});

it.each([
  ['large', run(1_000_000, 500), 100],
  ['small', run(100, 25), 40],
  ['as small as can be', run(60, 60), 25],
  ['none', run(0, 0), 20],
])('a run whose chunks are %s', (_how, facts, events) => {
  expect(eventsOfAChunk(facts)).toBe(events);
});

it('lets a fresh history take as many packs as a chunk may have, at six events each, below 4,096', () => {
  expect(PACKS_OF_A_CHUNK * 6).toBeLessThan(3800);
});
