import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdTable } from '../../src/input/id-table.js';
import { SeenIds } from '../../src/input/seen-ids.js';

describe('ids seen', () => {
  it('finds the same conflicts as comparing every id with every earlier one', () => {
    const id = fc.option(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom('1', '3', '07', 'a')), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.array(id, { maxLength: 12 }), (ids) => {
        const seen = new SeenIds();
        const taken = new Map<string, number>();
        ids.forEach((one, position) => {
          const line = position + 1;
          const effective = String(one ?? line);
          expect(seen.claim(one, line)?.line).toBe(taken.get(effective));
          if (!taken.has(effective)) taken.set(effective, line);
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('says which kind of conflict it is', () => {
    const seen = new SeenIds();
    seen.claim('3', 1);
    seen.claim(undefined, 2);
    expect(seen.claim(undefined, 3)).toEqual({ kind: 'line-number-taken', line: 1 });
    expect(seen.claim(2, 4)).toEqual({ kind: 'is-line-number', line: 2 });
    expect(seen.claim(3, 5)).toEqual({ kind: 'duplicate', line: 1 });
  });

  it('keeps hundreds of thousands of ids apart and finds each again', () => {
    const table = new IdTable();
    const lines = Array.from({ length: 300_000 }, (_, at) => at + 1);
    expect(lines.filter((line) => table.claim(`row-${line}`, line) !== undefined)).toEqual([]);
    expect(lines.filter((line) => table.find(`row-${line}`) !== line)).toEqual([]);
    expect(table.find('row-0')).toBeUndefined();
  });
});
