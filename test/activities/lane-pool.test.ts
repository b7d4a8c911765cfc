import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LanePools } from '../../src/activities/lane-pools.js';
import type { PackLanes } from '../../src/activities/pack-lanes.js';

/** Lets everything run that can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

/** Packs of one run on one worker, whose answers come when the test says so. */
class Packs {
  private readonly pools = new LanePools();
  private readonly answers: { readonly pack: string; readonly come: () => void }[] = [];
  private readonly held = new Map<string, number>();
  readonly ended: string[] = [];
  /** Whether there were ever more requests than lanes of packs that have not ended. */
  over = false;

  /** Starts a pack. */
  start(name: string, own: number, questions: number, more: { last?: boolean; signal?: AbortSignal } = {}): void {
    const { last = false, signal } = more;
    const signals = signal === undefined ? [] : [signal];
    this.held.set(name, own);
    const ask = async (lanes: PackLanes): Promise<void> => {
      for (let question = 0; question < questions; question++) {
        if (!(await lanes.take(signals))) break;
        this.ask(name, () => lanes.give());
      }
      await lanes.end();
      if (last) await lanes.stay(signals);
    };
    this.pools
      .with('run', { own, questions, last }, ask)
      .then(() => {
        this.held.delete(name);
        this.ended.push(name);
        this.look();
      })
      .catch(() => expect.unreachable());
  }

  private ask(pack: string, come: () => void): void {
    this.answers.push({ pack, come });
    this.look();
  }

  private look(): void {
    const lanes = [...this.held.values()].reduce((sum, own) => sum + own, 0);
    this.over ||= this.answers.length > lanes;
  }

  /** Requests under way, of one pack or all. */
  inFlight(name?: string): number {
    return this.answers.filter(({ pack }) => name === undefined || pack === name).length;
  }

  /** An answer comes: the oldest of a pack, or the one at a place among all. */
  async answer(which: string | number): Promise<void> {
    const place = typeof which === 'number' ? which : this.answers.findIndex(({ pack }) => pack === which);
    const [answer] = this.answers.splice(place, 1);
    answer?.come();
    await settle();
  }
}

describe('a pack alone', () => {
  it('asks on its own lanes, and ends with its last answer', async () => {
    const packs = new Packs();
    packs.start('a', 2, 3);
    await settle();
    expect(packs.inFlight()).toBe(2);
    await packs.answer('a');
    expect(packs.inFlight()).toBe(2);
    await packs.answer('a');
    await packs.answer('a');
    expect(packs.ended).toEqual(['a']);
  });

  it('takes no more lanes once it is stopped, and ends when those it has are back', async () => {
    const packs = new Packs();
    const stop = new AbortController();
    packs.start('a', 2, 10, { signal: stop.signal });
    await settle();
    stop.abort();
    await packs.answer('a');
    expect(packs.inFlight()).toBe(1);
    await packs.answer('a');
    expect(packs.ended).toEqual(['a']);
  });
});

describe('packs of one run', () => {
  it('lend the lanes that wait for nothing, and end when they have them back', async () => {
    const packs = new Packs();
    packs.start('short', 3, 3);
    packs.start('long', 2, 20);
    await settle();
    await packs.answer('short');
    await packs.answer('short');
    expect([packs.inFlight('short'), packs.inFlight('long')]).toEqual([1, 4]);
    await packs.answer('short');
    // Its two lanes are in use still.
    expect(packs.ended).toEqual([]);
    await packs.answer('long');
    await packs.answer('long');
    expect(packs.ended).toEqual(['short']);
    expect(packs.inFlight('long')).toBe(2);
  });

  it('with a single lane each lend nothing: one ends with its last answer', async () => {
    const packs = new Packs();
    packs.start('a', 1, 1);
    packs.start('b', 1, 5);
    await settle();
    await packs.answer('a');
    expect(packs.ended).toEqual(['a']);
    expect(packs.inFlight('b')).toBe(1);
  });

  it('lend first to the one that ends first', async () => {
    const packs = new Packs();
    packs.start('done', 3, 3);
    packs.start('long', 1, 30);
    packs.start('near', 1, 5);
    await settle();
    await packs.answer('done');
    await packs.answer('done');
    expect([packs.inFlight('long'), packs.inFlight('near')]).toEqual([1, 3]);
  });

  it('that are the last lend all their lanes as long as another can use them', async () => {
    const packs = new Packs();
    packs.start('short', 3, 3, { last: true });
    packs.start('long', 1, 6, { last: true });
    await settle();
    for (let answers = 0; answers < 3; answers++) await packs.answer('short');
    expect(packs.inFlight('long')).toBe(4);
    expect(packs.ended).toEqual([]);
    await packs.answer('long');
    // All are asked: the lanes that are back are not needed any more.
    await packs.answer('long');
    await packs.answer('long');
    await packs.answer('long');
    await packs.answer('long');
    expect(packs.ended).toEqual(['short']);
    await packs.answer('long');
    expect(packs.ended).toEqual(['short', 'long']);
  });

  it('that are the last and wanted back end at once', async () => {
    const packs = new Packs();
    const stop = new AbortController();
    packs.start('short', 1, 1, { last: true, signal: stop.signal });
    packs.start('long', 1, 2, { last: true });
    await settle();
    await packs.answer('long');
    await packs.answer('short');
    packs.start('longer', 1, 9);
    await settle();
    stop.abort();
    await settle();
    expect(packs.ended).toContain('short');
  });

  it('never have more requests than lanes together, and all end, in whatever order answers come', async () => {
    const pack = fc.record({
      own: fc.integer({ min: 1, max: 6 }),
      questions: fc.nat({ max: 25 }),
      last: fc.boolean(),
      /** Answers that come before the pack begins. */
      after: fc.nat({ max: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(pack, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        async (all, draw) => {
          const packs = new Packs();
          const come = async (): Promise<void> => {
            if (packs.inFlight() > 0) await packs.answer((draw.next().value ?? 0) % packs.inFlight());
          };
          for (const [position, { own, questions, last, after }] of all.entries()) {
            for (let answers = 0; answers < after; answers++) await come();
            packs.start(`pack ${position}`, own, questions, { last });
            await settle();
          }
          for (let answers = 0; packs.inFlight() > 0 && answers < 1000; answers++) await come();
          expect(packs.over).toBe(false);
          expect(packs.ended).toHaveLength(all.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keep no lane idle while a pack has questions left and another waits for its last answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 6 }), fc.infiniteStream(fc.nat()), async (own, draw) => {
        const packs = new Packs();
        packs.start('a', own, own, { last: true });
        packs.start('b', 1, 100, { last: true });
        await settle();
        for (let answers = 0; answers < 90; answers++) {
          expect(packs.inFlight()).toBe(own + 1);
          await packs.answer((draw.next().value ?? 0) % packs.inFlight());
        }
      }),
      { numRuns: 50 },
    );
  });
});
