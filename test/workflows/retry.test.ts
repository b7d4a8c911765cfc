import { expect, it } from 'vitest';
import { askedTimes, prompts, World } from '../support/batch-world.js';

const broken = (prompt: string) => ({ match: { promptIncludes: prompt }, respond: { status: 400 } });

it('asks only the failed items again, and merges them into one whole output in input order', async () => {
  const world = await World.open({ simulator: { rules: ['prompt 3', 'prompt 17'].map(broken) } });
  const input = world.input(prompts(20));
  const options = { chunkSize: 5, concurrency: 2 };
  const run = await world.start(input, { options });
  const first = await run.result();
  expect(first).toMatchObject({ ok: 18, failed: 2, requests: 20 });
  const before = world.output(first.results);
  await world.steer('DELETE', 'rules');
  const again = await world.start(input, {
    id: run.id,
    options: { ...options, model: 'nanbeige:3b', maxTokens: 99 },
    retryFailed: true,
  });
  const second = await again.result();
  expect(second).toMatchObject({ items: 20, ok: 20, failed: 0, failedByKind: {}, requests: 22 });
  const after = world.output(second.results);
  expect(after.map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  for (const [index, line] of after.entries()) {
    if (before[index]?.error === undefined) expect(line).toEqual(before[index]);
    else expect(line).toMatchObject({ model: 'nanbeige:3b', output: expect.any(String) });
  }
  const asked = (await world.requests()).slice(20);
  expect(asked.map(({ prompt, maxTokens }) => [prompt, maxTokens]).sort()).toEqual([
    ['prompt 17', 99],
    ['prompt 3', 99],
  ]);
});

it('keeps the error of what fails again, and the skipped lines', async () => {
  const world = await World.open({ simulator: { rules: [broken('prompt 1')] } });
  const input = world.input([...prompts(3), { nothing: 1 }]);
  const options = { skipInvalid: true };
  const run = await world.start(input, { options });
  expect(await run.result()).toMatchObject({ ok: 2, failed: 1, skipped: 1 });
  const again = await world.start(input, { id: run.id, options, retryFailed: true });
  const { results, ...summary } = await again.result();
  expect(summary).toMatchObject({ ok: 2, failed: 1, skipped: 1, requests: 4 });
  expect(world.output(results).map(({ error }) => error?.split(':')[0])).toEqual([
    undefined,
    '400',
    undefined,
    'invalid',
  ]);
});

it('goes on with what it had got when it is cancelled in the middle and given again', async () => {
  const world = await World.open({ simulator: { rules: [broken('prompt 1')] } });
  const input = world.input(prompts(30));
  const options = { chunkSize: 30, concurrency: 2 };
  const run = await world.start(input, { options });
  expect(await run.result()).toMatchObject({ ok: 19, failed: 11 });
  await world.steer('DELETE', 'rules');
  await world.steer('POST', 'rules', [
    { match: { promptIncludes: 'prompt' }, respond: { kind: 'answer', delayMs: 150 } },
  ]);
  const retry = { id: run.id, options, retryFailed: true };
  const again = await world.start(input, retry);
  await world.answered(19 + 3);
  await again.cancel();
  await again.result().catch(() => undefined);
  const last = await world.start(input, retry);
  expect(await last.result()).toMatchObject({ ok: 30, failed: 0 });
  const answered = askedTimes(await world.requests(), true);
  expect([...answered.values()]).toEqual(Array(30).fill(1));
});
