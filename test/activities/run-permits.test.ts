import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PackShare, RunPermits } from '../../src/activities/run-permits.js';

/** Lets everything run that can. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

/** A pack as `infer` is one: it waits for one permit at a time. */
interface Pack extends PackShare {
  left: number;
  inFlight: number;
  waiting: AbortController | undefined;
  state: 'present' | 'leaving' | 'gone';
}

/** Packs of one run on one worker. */
class Packs {
  readonly permits = new RunPermits();
  readonly all: Pack[] = [];

  join(permits: number, left: number): Pack {
    const pack: Pack = { permits, left, inFlight: 0, waiting: undefined, state: 'present', open: () => pack.left };
    this.all.push(pack);
    this.permits.join(pack);
    return pack;
  }

  ask(pack: Pack): void {
    const controller = new AbortController();
    const acquired = this.permits.acquire(pack, [controller.signal]);
    const sent = (isSent: boolean): void => {
      pack.waiting = undefined;
      if (!isSent) return;
      pack.left--;
      pack.inFlight++;
    };
    if (typeof acquired === 'boolean') {
      sent(acquired);
      return;
    }
    pack.waiting = controller;
    acquired.then(sent).catch(() => expect.unreachable());
  }

  release(pack: Pack): void {
    pack.inFlight--;
    this.permits.release();
  }

  leave(pack: Pack): void {
    pack.state = 'leaving';
    this.permits
      .leave(pack)
      .then(() => {
        pack.state = 'gone';
      })
      .catch(() => expect.unreachable());
  }

  in(state: Pack['state']): Pack[] {
    return this.all.filter((pack) => pack.state === state);
  }

  get inUse(): number {
    return this.all.reduce((sum, { inFlight }) => sum + inFlight, 0);
  }

  size(...states: Pack['state'][]): number {
    return this.all.reduce((sum, { state, permits }) => sum + (states.includes(state) ? permits : 0), 0);
  }

  /** What holds whenever nothing is about to happen. */
  check(): void {
    expect(this.inUse).toBeLessThanOrEqual(this.size('present', 'leaving'));
    if (this.inUse < this.size('present')) expect(this.all.filter(({ waiting }) => waiting)).toEqual([]);
    // A pack that leaves waits exactly as long as its permits are in use.
    if (this.in('leaving').length > 0) expect(this.inUse).toBeGreaterThan(this.size('present'));
  }
}

describe('the permits of a run', () => {
  it('are as many as its packs bring', async () => {
    const packs = new Packs();
    const pack = packs.join(2, 9);
    for (let request = 0; request < 2; request++) packs.ask(pack);
    packs.ask(pack);
    await settle();
    expect(pack.inFlight).toBe(2);
    packs.join(1, 0);
    await settle();
    expect(pack.inFlight).toBe(3);
  });

  it('go to the pack with the fewest items left, and among equals to the one that waits longest', async () => {
    const packs = new Packs();
    const [far, near, equal] = [packs.join(1, 30), packs.join(0, 5), packs.join(0, 5)];
    packs.ask(far);
    for (const pack of [far, near, equal]) packs.ask(pack);
    packs.release(far);
    await settle();
    expect([far, near, equal].map(({ inFlight }) => inFlight)).toEqual([0, 1, 0]);
    packs.release(near);
    await settle();
    expect([far, near, equal].map(({ inFlight }) => inFlight)).toEqual([0, 0, 1]);
  });

  it('are not acquired with a signal that is aborted, before or while waiting', async () => {
    const packs = new Packs();
    const pack = packs.join(1, 9);
    expect(packs.permits.acquire(pack, [AbortSignal.abort()])).toBe(false);
    packs.ask(pack);
    packs.ask(pack);
    pack.waiting?.abort();
    await settle();
    expect([pack.inFlight, pack.waiting]).toEqual([1, undefined]);
    packs.release(pack);
    await settle();
    // The permit is free again, and not lost with the one who waited.
    expect(packs.permits.acquire(pack, [])).toBe(true);
  });

  it('leave with their pack only when those in use fit into the others', async () => {
    const packs = new Packs();
    const [stays, leaves] = [packs.join(1, 9), packs.join(2, 0)];
    for (let request = 0; request < 3; request++) packs.ask(stays);
    packs.leave(leaves);
    packs.release(stays);
    await settle();
    expect(leaves.state).toBe('leaving');
    packs.release(stays);
    await settle();
    expect(leaves.state).toBe('gone');
  });

  it('leave as well when another pack brings as many', async () => {
    const packs = new Packs();
    const [stays, leaves] = [packs.join(1, 9), packs.join(1, 0)];
    packs.ask(stays);
    packs.ask(stays);
    packs.leave(leaves);
    await settle();
    expect(leaves.state).toBe('leaving');
    packs.join(1, 0);
    await settle();
    expect(leaves.state).toBe('gone');
  });

  it('are idle when no pack has items left', async () => {
    const packs = new Packs();
    expect(packs.permits.whenIdle().aborted).toBe(true);
    const [done, busy] = [packs.join(1, 0), packs.join(1, 2)];
    const idle = packs.permits.whenIdle();
    packs.ask(busy);
    packs.ask(busy);
    expect(idle.aborted).toBe(false);
    packs.release(busy);
    expect(idle.aborted).toBe(true);
    packs.leave(done);
    packs.join(1, 1);
    expect(packs.permits.whenIdle().aborted).toBe(false);
  });

  it('are idle when the pack with items left has gone', () => {
    const packs = new Packs();
    packs.join(1, 0);
    const busy = packs.join(1, 2);
    const idle = packs.permits.whenIdle();
    packs.leave(busy);
    expect(idle.aborted).toBe(true);
  });

  it('are never too many, never idle while a pack waits, and go to the nearest end, in whatever order things happen', async () => {
    const join = fc.record({
      kind: fc.constant('join' as const),
      permits: fc.nat({ max: 2 }),
      left: fc.integer({ min: 1, max: 12 }),
    });
    const kind = fc.constantFrom('ask', 'ask', 'ask', 'ask', 'ask', 'ask', 'release', 'release', 'leave', 'abort');
    const step = fc.oneof({ weight: 1, arbitrary: join }, { weight: 12, arbitrary: fc.record({ kind, at: fc.nat() }) });
    await fc.assert(
      fc.asyncProperty(fc.array(join, { maxLength: 5 }), fc.array(step, { maxLength: 60 }), async (first, later) => {
        const packs = new Packs();
        const pick = (from: Pack[], at: number): Pack | undefined => from[at % Math.max(1, from.length)];
        for (const next of [...first, ...later]) {
          const waiting = new Map(packs.all.flatMap((pack) => (pack.waiting ? [[pack, pack.left]] : [])));
          if ('permits' in next) packs.join(next.permits, next.left);
          else {
            const present = packs.in('present');
            const free = present.filter((pack) => !pack.waiting);
            const [asking, held, queued] = [
              pick(
                free.filter(({ left }) => left > 0),
                next.at,
              ),
              pick(
                packs.all.filter(({ inFlight }) => inFlight > 0),
                next.at,
              ),
              pick(
                present.filter((pack) => pack.waiting),
                next.at,
              ),
            ];
            const leaving = pick(free, next.at);
            if (next.kind === 'ask' && asking !== undefined) packs.ask(asking);
            if (next.kind === 'release' && held !== undefined) packs.release(held);
            if (next.kind === 'leave' && leaving !== undefined) packs.leave(leaving);
            if (next.kind === 'abort' && queued !== undefined) {
              waiting.delete(queued);
              queued.waiting?.abort();
            }
          }
          await settle();
          packs.check();
          const [served, others] = [[...waiting].filter(([p]) => !p.waiting), [...waiting].filter(([p]) => p.waiting)];
          const nearest = Math.min(...others.map(([, left]) => left));
          for (const [, left] of served) expect(left).toBeLessThanOrEqual(nearest);
        }
        // Nobody is left behind: as long as one permit is there, all that wait are served in the end.
        packs.join(1, 0);
        await settle();
        for (let turn = 0; turn < 1_000 && packs.inUse > 0; turn++) {
          const held = packs.all.find(({ inFlight }) => inFlight > 0);
          if (held !== undefined) packs.release(held);
          await settle();
        }
        expect(packs.all.filter(({ waiting }) => waiting)).toEqual([]);
        for (const pack of packs.in('present')) packs.leave(pack);
        await settle();
        expect(packs.all.filter(({ state }) => state !== 'gone')).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
