import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ByteBudget } from '../../src/dria/byte-budget.js';
import { Endpoint } from '../../src/dria/endpoint.js';

describe('a byte budget', () => {
  it('gives at once what is there, and the rest in the order in which it was asked for', async () => {
    const budget = new ByteBudget(10);
    const [first, second, third] = [budget.lease(), budget.lease(), budget.lease()];
    expect(first.grow(6)).toBe(true);
    expect(second.grow(4)).toBe(true);
    const granted: string[] = [];
    // The one that may have more than there is.
    expect(await second.grow(8)).toBeUndefined();
    const waits = [first.grow(7), third.grow(1)] as Promise<void>[];
    waits.forEach((wait, at) => void wait.then(() => granted.push(`${at}`)));
    await new Promise(setImmediate);
    expect([granted, budget.held]).toEqual([[], 14]);
    second.release();
    await Promise.all(waits);
    expect([granted, budget.held]).toEqual([['0', '1'], 8]);
  });

  it('never gives more than there is but to one holder, and lets every holder come to its end', async () => {
    const needs = fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 4 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(needs, fc.array(fc.boolean(), { maxLength: 60 }), async (holders, pauses) => {
        const budget = new ByteBudget(50);
        let most = 0;
        let ended = 0;
        const steps = pauses.values();
        const hold = async (needed: readonly number[]): Promise<void> => {
          const lease = budget.lease();
          let all = 0;
          for (const more of needed) {
            all += more;
            await lease.grow(all);
            most = Math.max(most, budget.held);
            if (steps.next().value === true) await new Promise(setImmediate);
          }
          lease.release();
          ended++;
        };
        await Promise.all(holders.map(hold));
        expect(ended).toBe(holders.length);
        expect(budget.held).toBe(0);
        expect(most).toBeLessThanOrEqual(50 + 4 * 40);
      }),
      { numRuns: 200 },
    );
  });

  it('forgets a holder that gives up while it waits', async () => {
    const budget = new ByteBudget(10);
    const [first, second, third, fourth] = [budget.lease(), budget.lease(), budget.lease(), budget.lease()];
    expect(first.grow(10)).toBe(true);
    await second.grow(1);
    const waiting = third.grow(5);
    const last = fourth.grow(9);
    third.release();
    await waiting;
    first.release();
    await last;
    expect(budget.held).toBe(10);
  });
});

describe('long answers that come all at once', () => {
  it.each([
    ['with their lengths', true],
    ['in pieces', false],
  ])('%s are read some at a time: none is lost, and no more than stated is in memory', async (_how, hasLength) => {
    const text = 'x'.repeat(3_000_000);
    const body = JSON.stringify({
      choices: [{ message: { content: text }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    });
    const waiting: (() => void)[] = [];
    let isFirst = true;
    const server = createServer((request, response) => {
      request.resume();
      // The first shows that the key is good; then all of them at once.
      const answer = (): void => {
        if (hasLength) response.setHeader('content-length', Buffer.byteLength(body));
        response.end(body);
      };
      if (isFirst) answer();
      else waiting.push(answer);
      isFirst = false;
      if (waiting.length === COUNT) for (const go of waiting) go();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const endpoint = Endpoint.open({ baseUrl: `http://127.0.0.1:${port}/v1`, apiKey: 'key' });
    onTestFinished(async () => {
      await endpoint.close();
      server.close();
    });
    let most = 0;
    let processed = 0;
    const ask = async (): Promise<void> => {
      const lease = endpoint.answers.lease();
      const request = { model: 'm', prompt: 'p', maxTokens: 10, temperature: 0, timeoutMs: 60_000 };
      const answer = await endpoint.chat(request, { lease });
      most = Math.max(most, endpoint.answers.held);
      await new Promise(setImmediate);
      if (answer.text === text) processed++;
      lease.release();
    };
    await ask();
    await Promise.all(Array.from({ length: COUNT }, ask));
    expect([processed, endpoint.answers.held]).toEqual([COUNT + 1, 0]);
    expect(most).toBeGreaterThan(3_000_000);
    // The budget, and what one may have over it.
    expect(most).toBeLessThanOrEqual((8 + 16) << 20);
  });
});

const COUNT = 40;
