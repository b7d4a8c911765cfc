import { describe, expect, it } from 'vitest';
import { PrefixLeads } from '../../src/activities/prefix-leads.js';
import type { PackItem } from '../../src/store/pack-items.js';

const A = 'a'.repeat(300);
const B = 'b'.repeat(300);

const itemsOf = (prompts: readonly string[]): PackItem[] =>
  prompts.map((prompt, item) => ({ item, line: item + 1, id: item, prompt }));

async function* from<T>(values: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* values;
}

/** Items that go through as many as can at a time, and what is done with them. */
function leads(prompts: readonly string[], permits = 10) {
  let now = 0;
  const gate = new PrefixLeads(permits, () => now);
  const source = gate.ordered(from(itemsOf(prompts)));
  let next = source.next();
  /** Returns the items that go through now. */
  const sent = async (): Promise<number[]> => {
    const through: number[] = [];
    while (true) {
      // What can go goes within some turns of promises.
      const turns = new Promise<'waits'>((resolve) => setImmediate(() => setImmediate(() => resolve('waits'))));
      const found = await Promise.race([next, turns]);
      if (found === 'waits' || found.done === true) return through;
      through.push(found.value.item);
      next = source.next();
    }
  };
  const ended = (...items: number[]): void => {
    for (const item of items) gate.ended(item);
  };
  const isDone = async () => (await next).done;
  return { sent, ended, isDone, wait: (ms: number) => (now += ms) };
}

describe('items whose prompts begin alike', () => {
  it('wait until the first of them has been answered, and others go meanwhile', async () => {
    const { sent, ended, isDone } = leads([`${A}1`, `${A}2`, `${A}3`, `${B}1`, `${B}2`, 'short']);
    expect(await sent()).toEqual([0, 3, 5]);
    ended(5, 3);
    expect(await sent()).toEqual([4]);
    ended(0);
    expect(await sent()).toEqual([1, 2]);
    expect(await isDone()).toBe(true);
  });

  it('are begun only while those begun before are too few for the permits; others that begin like none go', async () => {
    const { sent, ended } = leads([`${A}1`, `${A}2`, `${A}3`, `${B}1`, `${B}2`, 'short', `${B}x${A}`], 1);
    expect(await sent()).toEqual([0, 5, 6]);
    ended(0);
    expect(await sent()).toEqual([1, 2, 3]);
    ended(3);
    expect(await sent()).toEqual([4]);
  });

  it('wait within a group for the first of those that share more', async () => {
    const deep = `${A}${'x'.repeat(300)}`;
    const { sent, ended } = leads([`${A}1`, `${deep}1`, `${deep}2`, `${A}2`]);
    expect(await sent()).toEqual([0]);
    ended(0);
    expect(await sent()).toEqual([1, 3]);
    ended(1);
    expect(await sent()).toEqual([2]);
  });

  it('do not wait if they share little, or a little more than others do', async () => {
    const { sent, ended } = leads([
      `${A}1`,
      `${A}12`,
      `${A}123`,
      `${A}1234${'y'.repeat(70)}1`,
      `${A}1234${'y'.repeat(70)}2`,
    ]);
    expect(await sent()).toEqual([0]);
    ended(0);
    expect(await sent()).toEqual([1, 2, 3, 4]);
    expect(await leads(['a', 'a1', 'a2']).sent()).toEqual([0, 1, 2]);
  });

  it('go at once if the first has been answered before they are read', async () => {
    const { sent, ended } = leads([`${A}1`, ...Array.from({ length: 600 }, (_, n) => `${A}${n}`)]);
    expect(await sent()).toEqual([0]);
    ended(0);
    expect(await sent()).toHaveLength(600);
  });

  it('go after ten seconds, however long the first takes', async () => {
    const { sent, ended, wait } = leads([`${A}1`, `${A}2`, `${B}1`]);
    expect(await sent()).toEqual([0, 2]);
    wait(10_000);
    ended(2);
    expect(await sent()).toEqual([1]);
  });
});

it('no items are none', async () => {
  const { sent, isDone } = leads([]);
  expect(await sent()).toEqual([]);
  expect(await isDone()).toBe(true);
});
