import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstCredits, seeBalance, spentCredits, tokensForCredits } from '../../src/batch/credits.js';

describe('credits by the balance', () => {
  it('are spent when the balance falls', () => {
    const seen = seeBalance(firstCredits(1000), 970, 600);
    expect(spentCredits(seen)).toBe(30);
    expect(seen.perToken).toBeCloseTo(0.05);
  });

  it('that somebody adds meanwhile are not taken for a gain', () => {
    const seen = seeBalance(seeBalance(firstCredits(100), 80, 100), 580, 150);
    expect(spentCredits(seen)).toBe(20);
    expect(spentCredits(seeBalance(seen, 570, 200))).toBe(30);
  });

  it('cost the most that was seen', () => {
    const seen = seeBalance(seeBalance(firstCredits(100), 90, 100), 89, 200);
    expect(seen.perToken).toBeCloseTo(0.1);
  });

  it('are looked at again when half of what is left could be spent, and all of it at the end', () => {
    const seen = seeBalance(firstCredits(1000), 900, 1000);
    expect(tokensForCredits(seen, 500, 100)).toBe(1000 + 2000);
    expect(tokensForCredits(seen, 110, 200)).toBe(1000 + 100);
    expect(tokensForCredits(seen, 100, 100)).toBe(1000);
  });

  it('lead to the limit, and never over it by more than a round, whatever a token costs below twice what was seen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 5000 }), fc.double({ min: 0.01, max: 5, noNaN: true }), (max, price) => {
        const round = 100;
        let seen = firstCredits(1_000_000);
        let tokens = 0;
        for (let looks = 0; looks < 200; looks++) {
          const limit = tokensForCredits(seen, max, round);
          if (limit <= tokens) break;
          tokens = limit;
          seen = seeBalance(seen, 1_000_000 - tokens * price, tokens);
        }
        expect(spentCredits(seen)).toBeGreaterThan(max - 2 * price);
        expect(spentCredits(seen)).toBeLessThanOrEqual(max + round * price + price);
      }),
    );
  });
});
