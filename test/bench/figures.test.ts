import { describe, expect, it } from 'vitest';
import { median, rowFigures } from '../../bench/figures.js';
import { NO_HISTORIES } from '../../bench/histories.js';
import { answerTimes, idealMs } from '../../bench/ideal.js';
import { idleLanes } from '../../bench/idle-lanes.js';
import type { Measurement } from '../../bench/measure.js';
import { parseBenchOptions } from '../../bench/options.js';
import { benchPrompts } from '../../bench/prompts.js';
import { parseScaleOptions } from '../../bench/scale/options.js';

describe('the ideal', () => {
  it('gives every answer to the lane that is free first', () => {
    // Lanes: 3 then 2 (until 5); 1 then 4 (until 5).
    expect(idealMs([3, 1, 4, 2], 2)).toBe(5);
  });

  it('is the longest answer when there is a lane for each', () => {
    expect(idealMs([300, 1200, 700], 50)).toBe(1200);
  });

  it('is never under the sum of the times divided by the lanes', () => {
    const times = answerTimes(benchPrompts(500), { latency: { minMs: 300, maxMs: 1200 } });
    const sum = times.reduce((total, time) => total + time, 0);
    expect(idealMs(times, 20)).toBeGreaterThanOrEqual(sum / 20);
    expect(idealMs(times, 20)).toBeLessThan(sum / 20 + 1200);
  });
});

describe('idle lanes', () => {
  it('tells a slow start, gaps and the tail apart', () => {
    const requests = [
      { start: 0, end: 4 },
      { start: 2, end: 4 },
      { start: 5, end: 8 },
      { start: 6, end: 10 },
    ];
    // 2 × 10: two units until both are busy, 2 + 1 between, 2 after the last has come.
    expect(idleLanes(requests, 2)).toEqual({ start: 2 / 20, between: 3 / 20, tail: 2 / 20 });
  });

  it('finds none when every lane has its next request at once', () => {
    const requests = [
      { start: 0, end: 5 },
      { start: 5, end: 10 },
    ];
    expect(idleLanes(requests, 1)).toEqual({ start: 0, between: 0, tail: 0 });
  });
});

describe('the figures of a row', () => {
  const measured = (row: 'ours' | 'loop', windowSeconds: number, maxInFlight: number): Measurement => ({
    row,
    wallSeconds: windowSeconds + 2,
    startSeconds: 1,
    windowSeconds,
    cpuSeconds: 3,
    peakBytes: 1,
    rootPeakBytes: 1,
    maxInFlight,
    idle: { start: 0, between: 0, tail: 0 },
    othersCores: 0,
    otherPeakBytes: 1,
    ...NO_HISTORIES,
  });
  const runs = [
    [measured('ours', 10, 5), measured('loop', 9, 5)],
    [measured('ours', 20, 6), measured('loop', 19, 5)],
    [measured('ours', 12, 5), measured('loop', 9, 5)],
  ];

  it('are medians, held against the loop of the same run', () => {
    const ours = rowFigures('ours', runs, { items: 120, idealSeconds: 9 });
    expect(ours).toMatchObject({ windowSeconds: 12, requestsPerSecond: 10, ofIdeal: 0.75, ofLoop: 0.9 });
    expect(ours.cpuPerThousand).toBe(25);
  });

  it('show the most requests in flight of any run', () => {
    expect(rowFigures('ours', runs, { items: 120, idealSeconds: 9 }).maxInFlight).toBe(6);
  });

  it('take the mean of the middle two of an even number of runs', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});

describe('the options of the benchmark at scale', () => {
  it('are four sizes at once, at 50 lanes, when nothing is given', () => {
    const sizes = [1000, 10_000, 100_000, 1_000_000];
    expect(parseScaleOptions([])).toMatchObject({ sizes, lanes: 50, latency: { minMs: 0, maxMs: 0 } });
  });

  it.each([
    ['--sizes', '0'],
    ['--sizes', 'many'],
    ['--lanes', '0'],
    ['--rows', 'ours'],
  ])('refuse %s %s', (...args) => {
    expect(() => parseScaleOptions(args)).toThrow();
  });
});

describe('the options of the benchmark', () => {
  it('are those of the issue when nothing is given', () => {
    expect(parseBenchOptions([])).toMatchObject({ items: 1500, lanes: [10, 50], latency: { minMs: 300, maxMs: 1200 } });
  });

  it('let flags win over a named setting', () => {
    expect(parseBenchOptions(['quick', '--lanes', '5'])).toMatchObject({ items: 200, lanes: [5] });
  });

  it.each([['slow'], ['--items', 'many'], ['--latency', '9-1'], ['--lanes', '0'], ['--rows', 'theirs']])(
    'refuse %s %s',
    (...args) => {
      expect(() => parseBenchOptions(args)).toThrow();
    },
  );
});
