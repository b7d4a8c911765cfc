import { describe, expect, test } from 'vitest';
import { runFilterOf, serverConditions } from '../../src/cli/run-filter.js';
import { listFlagsSchema } from '../../src/cli/run-flags.js';

const NOW = Date.parse('2026-11-25T12:00:00Z');

function filterOf(flags: object): ReturnType<typeof runFilterOf> {
  return runFilterOf(listFlagsSchema.parse({ limit: 20, ...flags }), NOW);
}

describe('the filter of a list', () => {
  test('takes states repeated, in a list, and as the table writes them', () => {
    expect(filterOf({ state: ['failed,Cancelled', 'no worker'] }).states).toEqual(
      new Set(['failed', 'cancelled', 'no-worker']),
    );
    expect(filterOf({}).states).toBeUndefined();
  });

  test.each([
    ['90m', NOW - 90 * 60_000],
    ['2h', NOW - 2 * 3_600_000],
    ['3d', NOW - 3 * 86_400_000],
    ['1w', NOW - 7 * 86_400_000],
    ['2026-11-20', new Date(2026, 10, 20).getTime()],
    ['2026-11-20T08:30', new Date(2026, 10, 20, 8, 30).getTime()],
    ['2026-11-20T08:30:00Z', Date.parse('2026-11-20T08:30:00Z')],
  ])('--since %s is a moment', (since, expected) => {
    expect(filterOf({ since }).since).toBe(expected);
  });

  test.each([
    [{ since: 'yesterday' }, /--since yesterday: .*2h/],
    [{ since: '2026-13-01' }, /--since 2026-13-01/],
    [{ since: '-2h' }, /--since -2h/],
    [{ since: '' }, /--since : /],
    [{ state: ['done'] }, /--state done: there are starting, .*cancelled/],
    [{ state: ['running,'] }, /--state : there are/],
    [{ limit: 0 }, /--limit: a whole number/],
    [{ limit: 1.5 }, /--limit: a whole number/],
  ])('%j is refused by name', (flags, message) => {
    expect(() => filterOf(flags)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }),
    );
  });

  test('--all has no limit', () => {
    expect([filterOf({}).limit, filterOf({ limit: 3 }).limit, filterOf({ all: true }).limit]).toEqual([
      20,
      3,
      Infinity,
    ]);
  });
});

describe('what the server filters', () => {
  test.each([
    [{}, ["ExecutionStatus != 'ContinuedAsNew'"]],
    [{ state: ['completed'] }, ["ExecutionStatus IN ('Completed')"]],
    [{ state: ['paused,running'] }, ["ExecutionStatus IN ('Running')"]],
    [{ state: ['failed', 'cancelled'] }, ["ExecutionStatus IN ('Failed', 'TimedOut', 'Canceled', 'Terminated')"]],
    [
      { since: '2h', state: ['no-worker'] },
      ["ExecutionStatus IN ('Running')", "StartTime >= '2026-11-25T10:00:00.000Z'"],
    ],
    [{ input: "it's" }, ["ExecutionStatus != 'ContinuedAsNew'"]],
  ])('of %j is %j', (flags, expected) => {
    expect(serverConditions(filterOf(flags))).toEqual(expected);
  });

  test.each([
    [{}, []],
    [
      { state: ['paused,completed'] },
      ["(ExecutionStatus != 'Running' OR (DriaState IS NULL OR DriaState IN ('paused')))"],
    ],
    // Whether a worker answers is not in the index, nor how a terminated run ended.
    [{ state: ['running', 'no-worker'] }, []],
    [{ state: ['failed'] }, []],
    [{ model: "it's" }, ["(DriaModel IS NULL OR DriaModel IN ('it''s'))"]],
  ])('with search attributes of %j also %j', (flags, expected) => {
    const filter = filterOf(flags);
    expect(serverConditions(filter, true)).toEqual(expect.arrayContaining([...serverConditions(filter), ...expected]));
    expect(serverConditions(filter, true)).toHaveLength(serverConditions(filter).length + expected.length);
  });
});
