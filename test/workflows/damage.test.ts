import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { World } from '../support/batch-world.js';
import { until } from '../support/until.js';

/* What a disk loses while a run goes on is asked again by the run itself. */

const PROMPTS = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'];
const OPTIONS = { chunkSize: 3, concurrency: 2, pack: 1, model: 'qwen3.5:9b' };

/** A run of two chunks that waits for an answer until the test lets it go on. */
async function heldRun(held: string) {
  let goOn = (): void => undefined;
  const free = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const world = await World.open({ held: { includes: `"${held}"`, until: free } });
  const run = await world.start(PROMPTS, { options: OPTIONS });
  const inRun = (...path: string[]) => join(world.root, 'runs', run.id, ...path);
  return { world, run, inRun, goOn };
}

const lines = (path: string): string[] => {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
};

function segmentsOf(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function answersOf(segments: readonly string[]): string[] {
  return segments.flatMap(lines).filter((line) => /\(\\?"p[01]\\?"\)/.test(line));
}

function historyOf({ world, run }: Awaited<ReturnType<typeof heldRun>>) {
  return world.client.workflow.getHandle(run.id).fetchHistory();
}

async function expectWhole({ world, run }: Awaited<ReturnType<typeof heldRun>>): Promise<ReadonlyMap<string, number>> {
  const { results, ok } = await run.result();
  expect(ok).toBe(6);
  expect(world.output(results).map(({ output }) => output)).toEqual(
    PROMPTS.map((prompt) => expect.stringContaining(`("${prompt}")`)),
  );
  const { notes = [] } = await run.progress();
  // A run that went on anew can still be read, and so be retried.
  expect(await run.input()).toMatchObject({ options: OPTIONS });
  expect(notes.filter((note) => note.startsWith('what was stored was damaged or is gone'))).toHaveLength(1);
  const times = new Map<string, number>();
  for (const { prompt = '' } of await world.requests()) times.set(prompt, (times.get(prompt) ?? 0) + 1);
  return times;
}

describe('a run goes on by itself, and asks only what is lost, if', () => {
  it.each([
    ['a letter of an answer is another one', (path: string) => turnLetter(path, 'p1'), { p0: 1, p1: 2 }],
    ['a segment is gone', (path: string) => rmSync(path), { p0: 2, p1: 2 }],
    ['a segment is full of zeros', (path: string) => writeFileSync(path, Buffer.alloc(500)), { p0: 2, p1: 2 }],
  ])('%s', async (_how, spoil, asked) => {
    const held = await heldRun('p2');
    const segments = () => segmentsOf(held.inRun('chunks/0/segments'));
    await until('two answers are there', () => answersOf(segments()).length === 2);
    for (const segment of segments()) spoil(segment);
    held.goOn();
    const times = await expectWhole(held);
    expect(Object.fromEntries(times)).toMatchObject({ ...asked, p2: expect.any(Number), p3: 1, p4: 1, p5: 1 });
  });

  it('a letter of an answer is another one, in a run that was changed meanwhile', async () => {
    const held = await heldRun('p2');
    const segments = () => segmentsOf(held.inRun('chunks/0/segments'));
    await until('two answers are there', () => answersOf(segments()).length === 2);
    await held.run.set({ maxTokens: 99 });
    for (const segment of segments()) turnLetter(segment, 'p1');
    held.goOn();
    expect((await expectWhole(held)).get('p1')).toBe(2);
    const again = (await held.world.requests()).findLast(({ prompt }) => prompt === 'p1');
    expect(again).toMatchObject({ maxTokens: 99 });
  });

  it('a part is empty, and the run was paused while its last request was in flight', async () => {
    const held = await heldRun('p5');
    await until('the part is there', () => lines(held.inRun('parts/0.json')).length === 1);
    await held.run.pause();
    truncateSync(held.inRun('parts/0.jsonl'), 0);
    held.goOn();
    await until('the damage is found', async () => JSON.stringify(await historyOf(held)).includes('assembleResults'));
    await until('it can be resumed', async () => (await held.run.progress()).state === 'paused');
    await held.run.resume();
    expect(Object.fromEntries(await expectWhole(held))).toEqual({ p0: 2, p1: 2, p2: 2, p3: 1, p4: 1, p5: 1 });
  });

  it('a part is empty', async () => {
    const held = await heldRun('p5');
    await until('the part is there', () => lines(held.inRun('parts/0.json')).length === 1);
    truncateSync(held.inRun('parts/0.jsonl'), 0);
    held.goOn();
    expect(Object.fromEntries(await expectWhole(held))).toEqual({ p0: 2, p1: 2, p2: 2, p3: 1, p4: 1, p5: 1 });
  });
});

it('a step that fails again and again says why while it does, and the run goes on when it can', async () => {
  const held = await heldRun('p2');
  const parts = held.inRun('parts');
  await until('the run has begun', () => segmentsOf(held.inRun('chunks/0/segments')).length > 0);
  mkdirSync(dirname(parts), { recursive: true });
  writeFileSync(parts, 'in the way');
  held.goOn();
  const notes = async () => (await held.run.progress()).notes ?? [];
  await until('the reason is shown', async () => (await notes()).length > 0, 30_000);
  expect((await notes()).join()).toMatch(
    /chunk \d: writePart fails and is tried again: .*a part of the path is a file/,
  );
  rmSync(parts);
  expect((await held.run.result()).ok).toBe(6);
});

/** Turns a letter of the answer to a prompt. */
function turnLetter(path: string, prompt: string): void {
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(`("${prompt}")`, '("p?")').replace(`(\\"${prompt}\\")`, '(\\"p?\\")'));
}
