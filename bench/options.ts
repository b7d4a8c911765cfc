import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, latencyFlagSchema, numbersFlag } from './flags.js';

/** The model of the simulated network. One alone: an answer's time follows from its model, too. */
export const MODEL = 'bench:1b';

/** What latencies follow from: the same in every row and run. */
export const SEED = 'bench';

/** What is measured. */
export interface BenchOptions {
  readonly items: number;
  /** Requests in flight at most; one table for each. */
  readonly lanes: readonly number[];
  /** Answers take a time between these, evenly spread, ms. */
  readonly latency: { readonly minMs: number; readonly maxMs: number };
  /** One prompt in `every` takes `ms` instead. */
  readonly slow?: { readonly every: number; readonly ms: number } | undefined;
  /** Times that each row is run; the table has the medians. */
  readonly runs: number;
  readonly rows: readonly RowName[];
  /** Print the measurements as JSON instead of tables. */
  readonly json: boolean;
  /** The file of the `dria-temporal` command: another build, to compare two. */
  readonly cli?: string | undefined;
  /** Folder that keeps what the simulator recorded of each row's requests, for a closer look. */
  readonly trace?: string | undefined;
}

/** The rows of a table, in the order in which it shows them. */
export const ROW_NAMES = ['ours', 'loop', 'fanout'] as const;
export type RowName = (typeof ROW_NAMES)[number];

const PRESETS = {
  default: { items: '1500', lanes: '10,50', latency: '300-1200', runs: '1' },
  quick: { items: '200', lanes: '20', latency: '300-1200', runs: '1' },
} as const;

/** One prompt in n takes so many ms, as `200:20000`. */
const slowSchema = z
  .string()
  .regex(/^\d+:\d+$/, 'expected one in n and ms, such as 200:20000')
  .transform((text) => text.split(':').map(Number))
  .transform(([every = 0, ms = 0]) => ({ every, ms }));

const flagsSchema = z.object({
  items: z.coerce.number().int().min(1).max(40_000),
  lanes: numbersFlag(2000),
  latency: latencyFlagSchema,
  slow: slowSchema.optional(),
  runs: z.coerce.number().int().min(1).max(100),
  rows: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(ROW_NAMES)).min(1)),
  json: z.boolean(),
  cli: z.string().optional(),
  trace: z.string().optional(),
});

/** Reads the arguments: `quick`, and flags that win over it. Throws an Error that says what is wrong with them. */
export function parseBenchOptions(args: readonly string[]): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      items: { type: 'string' },
      lanes: { type: 'string' },
      latency: { type: 'string' },
      slow: { type: 'string' },
      runs: { type: 'string' },
      rows: { type: 'string', default: ROW_NAMES.join(',') },
      json: { type: 'boolean', default: false },
      cli: { type: 'string' },
      trace: { type: 'string' },
    },
  });
  const [preset = 'default', ...more] = positionals;
  if (more.length > 0 || !(preset === 'default' || preset === 'quick')) {
    throw new Error(`unknown setting ${positionals.join(' ')}: there is quick, scale, workers, or none`);
  }
  return checkFlags(flagsSchema, { ...PRESETS[preset], ...values });
}
