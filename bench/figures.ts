import type { Measurement } from './measure.js';
import type { RowName } from './options.js';

/** The medians of a row's runs. */
export interface RowFigures extends Omit<Measurement, 'idle'> {
  readonly idleStart: number;
  readonly idleBetween: number;
  readonly idleTail: number;
  /** The ideal's time divided by the window: 1 is perfect. */
  readonly ofIdeal: number;
  /** The raw loop's window divided by this one, run by run; undefined when the loop was not run. */
  readonly ofLoop: number | undefined;
  /** In the request window. */
  readonly requestsPerSecond: number;
  /** CPU-seconds of the whole process tree for 1,000 prompts. */
  readonly cpuPerThousand: number;
}

/** What the figures are held against. */
export interface Yardstick {
  readonly items: number;
  readonly idealSeconds: number;
}

/** The figures of one row; `runs` are the runs of all rows, each run one array. */
export function rowFigures(row: RowName, runs: readonly (readonly Measurement[])[], against: Yardstick): RowFigures {
  const own = runs.flatMap((run) => run.filter((measurement) => measurement.row === row));
  const of = (value: (measurement: Measurement) => number): number => median(own.map(value));
  const windowSeconds = of((run) => run.windowSeconds);
  const ratios = runs.flatMap((run) => ratioToLoop(row, run) ?? []);
  return {
    row,
    wallSeconds: of((run) => run.wallSeconds),
    startSeconds: of((run) => run.startSeconds),
    windowSeconds,
    ofIdeal: against.idealSeconds / windowSeconds,
    ofLoop: ratios.length === 0 ? undefined : median(ratios),
    requestsPerSecond: against.items / windowSeconds,
    cpuSeconds: of((run) => run.cpuSeconds),
    cpuPerThousand: (of((run) => run.cpuSeconds) / against.items) * 1000,
    peakBytes: of((run) => run.peakBytes),
    rootPeakBytes: of((run) => run.rootPeakBytes),
    otherPeakBytes: of((run) => run.otherPeakBytes),
    activities: of((run) => run.activities),
    events: of((run) => run.events),
    largest: of((run) => run.largest),
    largestBytes: of((run) => run.largestBytes),
    // Not the median: one request too many in one run is one too many.
    maxInFlight: Math.max(...own.map((run) => run.maxInFlight)),
    idleStart: of((run) => run.idle.start),
    idleBetween: of((run) => run.idle.between),
    idleTail: of((run) => run.idle.tail),
    othersCores: of((run) => run.othersCores),
  };
}

function ratioToLoop(row: RowName, run: readonly Measurement[]): number | undefined {
  const loop = run.find((measurement) => measurement.row === 'loop');
  const own = run.find((measurement) => measurement.row === row);
  return loop === undefined || own === undefined ? undefined : loop.windowSeconds / own.windowSeconds;
}

/** The middle value; of an even number, the mean of the two in the middle. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}
