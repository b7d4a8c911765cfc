import { expect, it } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { partialLines } from '../../src/store/partial-lines.js';
import { askedTimes, progressUntil, prompts, World } from '../support/batch-world.js';

it('asks items that are the same once, over chunks, and only what has changed since an earlier run', async () => {
  const refused = { match: { promptIncludes: 'prompt 3' }, respond: { status: 400 } };
  const world = await World.open({ simulator: { rules: [refused] } });
  const options = { chunkSize: 4, concurrency: 3, temperature: 0 };
  const all = [...prompts(8), ...prompts(4), { prompt: 'prompt 0', id: 'again' }];
  const origin = '/prompts.jsonl';
  const first = await world.start(all, { options, origin });
  const { results, ...summary } = await first.result();
  expect(summary).toMatchObject({ items: 13, ok: 11, failed: 2, reused: 4, requests: 8, failedByKind: { 400: 2 } });
  expect([...askedTimes(await world.requests()).values()]).toEqual(new Array(8).fill(1));
  const lines = world.output(results);
  expect(lines.map(({ id }) => id)).toEqual([...Array.from({ length: 12 }, (_, at) => at + 1), 'again']);
  expect(lines.map(({ output }) => output)).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 0].map((at) => lines[at]?.output),
  );
  expect(lines[11]?.error).toBe(lines[3]?.error);
  expect(summary.tokens).toBe(lines.slice(0, 8).reduce((sum, { tokens = 0 }) => sum + Number(tokens), 0));

  await world.steer('DELETE', 'rules');
  const changed = ['new 1', ...all.slice(0, 8), 'new 2', 'new 1'];
  const second = await world.start(changed, { options, origin, reuse: 'last' });
  const delta = await second.result();
  expect(delta).toMatchObject({ items: 11, ok: 11, failed: 0, reused: 8, requests: 3 });
  expect(delta.notes?.[0]).toBe(`7 of 11 answers are taken from ${first.id}; 3 items are asked`);
  expect(
    (await world.requests())
      .slice(8)
      .map(({ prompt }) => prompt)
      .sort(),
  ).toEqual(['new 1', 'new 2', 'prompt 3']);
  const after = world.output(delta.results);
  expect(after.map(({ id }) => id)).toEqual(Array.from({ length: 11 }, (_, at) => at + 1));
  expect(after[1]?.output).toBe(lines[0]?.output);
  expect(after[10]?.output).toBe(after[0]?.output);

  const third = await world.start(changed, { options, origin, reuse: second.id });
  expect(await third.result()).toMatchObject({ ok: 11, reused: 11, requests: 0, tokens: 0 });
  // Chunks that ask little are joined.
  const chunksOf = (id: string): unknown[] => JSON.parse(world.text(`runs/${id}/manifest/manifest.json`)).chunks;
  expect([first, second, third].map(({ id }) => chunksOf(id).length)).toEqual([4, 1, 1]);
});

it('asks the failed first of a file again with retry, and its twins get the answer', async () => {
  const refused = { match: { promptIncludes: 'prompt 1' }, respond: { status: 400 } };
  const world = await World.open({ simulator: { rules: [refused] } });
  const options = { chunkSize: 3, dedupe: 'always' } as const;
  const input = world.input([...prompts(4), ...prompts(4)]);
  const run = await world.start(input, { options });
  expect(await run.result()).toMatchObject({ ok: 6, failed: 2, reused: 3, requests: 4 });
  await world.steer('DELETE', 'rules');
  const again = await world.start(input, { id: run.id, options, retryFailed: true });
  const { results, ...summary } = await again.result();
  expect(summary).toMatchObject({ ok: 8, failed: 0, reused: 4, requests: 5 });
  const outputs = world.output(results).map(({ output }) => output);
  expect(outputs.slice(4)).toEqual(outputs.slice(0, 4));
});

it('goes on after a cancel with what it has, and its ledger counts the lines that there are', async () => {
  const slow = { match: { promptIncludes: 'slow' }, respond: { kind: 'answer', delayMs: 1500 } } as const;
  const world = await World.open({ simulator: { rules: [slow] } });
  const options = { chunkSize: 4, concurrency: 4, dedupe: 'always' } as const;
  const old = await world.start(prompts(3), { options });
  await old.result();
  const input = world.input([...prompts(6), 'prompt 4', 'slow', 'prompt 5', 'slow']);
  const run = await world.start(input, { options, reuse: old.id });
  // Three are reused, and three more are answered; one of them has a twin in a chunk that is not done.
  await progressUntil(run, 'all but the slow one are answered', ({ ok }) => ok >= 6);
  await run.cancel();
  await expect(run.result()).rejects.toThrow();
  const summary = JSON.parse(world.text(`runs/${run.id}/summary.json`));
  let lines = 0;
  for await (const piece of partialLines(new FileStorage(world.root), run.id))
    lines += Buffer.from(piece).toString().split('\n').length - 1;
  expect(summary).toMatchObject({ state: 'cancelled', items: 10, ok: lines, cancelled: 10 - lines });
  await world.steer('DELETE', 'rules');
  const again = await world.start(input, { id: run.id, options, reuse: old.id });
  expect(await again.result()).toMatchObject({ ok: 10, failed: 0, cancelled: 0, reused: 6 });
  expect(askedTimes(await world.requests(), true)).toEqual(
    new Map([...prompts(6), 'slow'].map((prompt) => [prompt, 1])),
  );
});
