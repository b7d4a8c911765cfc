import { describe, expect, it } from 'vitest';
import { RUN } from '../support/activity-env.js';
import { answers, scripted } from './endpoints.js';

const A = 'a'.repeat(300);
const B = 'b'.repeat(300);
const PROMPTS = [`${A}0`, `${B}1`, `${A}2`, `${B}3`, `${A}4`, `${A}5`];

describe('a run that groups its prompts', () => {
  it('has its order with what is recovered of a chunk, and asks in that of its ranges', async () => {
    const { world, asked } = await scripted(PROMPTS, answers, { options: { groupPrefix: true } });
    const chunk = { chunk: 0, first: 0, layout: 't6' };
    const recovered = await world.run('recoverChunk', { run: RUN, chunk, retryFailed: false });
    expect(recovered).toMatchObject({ items: '', order: '0,2,4-5,1,3' });
    const result = await world.infer('0,2,4-5,1,3');
    expect(result).toMatchObject({ open: '', counts: { ok: 6 } });
    expect(asked().map((prompt) => PROMPTS.indexOf(prompt))).toEqual([0, 2, 4, 5, 1, 3]);
  });

  it('hands back what was not asked in that order', async () => {
    const { world } = await scripted(PROMPTS, answers, { options: { groupPrefix: true } });
    expect(await world.infer('3,0,2,1', { tokens: 1 })).toMatchObject({ open: '0,2,1', counts: { ok: 1 } });
  });
});

it('a run that does not asks in the order of the input', async () => {
  const { world, asked } = await scripted(PROMPTS, answers);
  const chunk = { chunk: 0, first: 0, layout: 't6' };
  expect(await world.run('recoverChunk', { run: RUN, chunk, retryFailed: false })).not.toHaveProperty('order');
  await world.infer('3-4,0-1');
  expect(asked().map((prompt) => PROMPTS.indexOf(prompt))).toEqual([0, 1, 3, 4]);
});
