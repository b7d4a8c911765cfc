import { describe, expect, it } from 'vitest';
import { addCounts, countFailure, NO_COUNTS } from '../../src/batch/counts.js';
import { decodeItems } from '../../src/batch/item-ranges.js';
import type { FailedItem, PackProgress, PartInput } from '../../src/batch/work.js';
import { runDirectory } from '../../src/storage/run-directory.js';
import { simulator } from '../simulator/harness.js';
import { ActivityWorld, failureOf, RUN } from '../support/activity-env.js';

const directory = runDirectory(RUN);
const CHUNK = { chunk: 0, first: 0, layout: 't5' };

async function fiveItems(): Promise<ActivityWorld> {
  const { url } = await simulator();
  const world = await ActivityWorld.open({ baseUrl: url });
  await world.prepare(['zero', 'one', 'two', 'three', 'four']);
  return world;
}

const failed = (item: number): FailedItem => ({ item, model: 'm', error: '500: broken', attempts: 4, tried: ['m'] });

/** What a chunk hands over when these packs and failures are all it has. */
function part(
  packs: readonly PackProgress[],
  failures: readonly FailedItem[],
  more: Partial<PartInput> = {},
): PartInput {
  const ok = packs.reduce(
    (sum, { ok, tokens, requests }) => addCounts(sum, { ...NO_COUNTS, ok, tokens, requests }),
    NO_COUNTS,
  );
  const counts = failures.reduce((sum, { model, error }) => countFailure(sum, model, error), ok);
  const segments = packs.flatMap((pack) => pack.segments);
  return { run: RUN, chunk: CHUNK, segments, failures, detail: false, counts, ...more };
}

const recover = (world: ActivityWorld, retryFailed = true) =>
  world.run('recoverChunk', { run: RUN, chunk: CHUNK, retryFailed });

async function lines(world: ActivityWorld): Promise<Record<string, unknown>[]> {
  const text = await world.text(directory.part(0));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the failed items of a part', () => {
  it('stay where they are when nobody asks for them', async () => {
    const world = await fiveItems();
    const input = part([await world.infer('0-2')], [failed(3), failed(4)]);
    await world.run('writePart', input);
    expect(await recover(world, false)).toMatchObject({ part: { counts: { ok: 3, failed: 2 } } });
  });

  it('are open again, the answers kept with their facts and costs, and the new part takes the place of the old', async () => {
    const world = await fiveItems();
    await world.run('writePart', part([await world.infer('0-2')], [failed(3), failed(4)]));
    const before = await lines(world);
    const found = await recover(world);
    expect(found).toMatchObject({ reopened: true, items: '0-2', counts: { ok: 3, failed: 0, failedByKind: {} } });
    const kept = await world.records(found.segments);
    expect(kept.map(({ item, ms }) => [item, typeof ms])).toEqual([
      [0, 'number'],
      [1, 'number'],
      [2, 'number'],
    ]);
    const again = await world.infer('3-4', {}, { activityId: 'pack-9' });
    const input = part([again], [], {
      segments: [...found.segments, ...again.segments],
      counts: addCounts(found.counts, { ...NO_COUNTS, ok: 2, tokens: again.tokens, requests: 2 }),
      replace: true,
    });
    expect(await world.run('writePart', input)).toMatchObject({ counts: { ok: 5, failed: 0 } });
    const after = await lines(world);
    expect(after.slice(0, 3)).toEqual(before.slice(0, 3));
    expect(after.map(({ error }) => error)).toEqual(Array(5).fill(undefined));
    // Its retry, after the segments are gone, finds that it was done.
    expect(await world.run('writePart', input, { attempt: 2 })).toMatchObject({ counts: { ok: 5 } });
  });

  it('that were answered before the run that asked them again died are not asked once more', async () => {
    const world = await fiveItems();
    await world.run('writePart', part([await world.infer('0-2')], [failed(3), failed(4)]));
    await recover(world);
    await world.infer('3', {}, { activityId: 'pack-9' });
    const found = await recover(world);
    expect(decodeItems(found.items)).toEqual([0, 1, 2, 3]);
    expect(found.counts).toMatchObject({ ok: 4, failed: 0 });
    // Also when it died between the record of the new part, which comes first, and the part: the old one does not count.
    const record = JSON.parse(await world.text(directory.partCounts(0)));
    await world.storage.put(directory.partCounts(0), JSON.stringify({ ...record, bytes: 1 }));
    const whole = await recover(world, false);
    expect([whole.part, whole.items]).toEqual([undefined, '0-3']);
  });

  it('do not hide a new part that cannot be made', async () => {
    const world = await fiveItems();
    await world.run('writePart', part([await world.infer('0-2')], [failed(3), failed(4)]));
    const { segments, counts } = await recover(world);
    const input = part([], [], { segments, counts: { ...counts, ok: 5 }, replace: true });
    expect(await failureOf(world.run('writePart', input))).toMatchObject({ type: 'ReconciliationFailed' });
    expect(await lines(world)).toHaveLength(5);
  });
});
