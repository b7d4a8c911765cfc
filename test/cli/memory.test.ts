import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';

/* Memory is bounded by bytes: neither the number of answers that come at once nor their length is ours to choose. */

const CHARACTERS_PER_TOKEN = 4;

/** Answers of so many megabytes that all come at once, and the most memory (MB) that the command may have had. */
interface Load {
  readonly items: number;
  readonly megabytes: number;
  readonly concurrency: number;
  readonly most: number;
}

const LOADS: readonly Load[] = [
  { items: 80, megabytes: 15, concurrency: 80, most: 400 },
  { items: 2_000, megabytes: 0.3, concurrency: 100, most: 400 },
];

/** Minutes of work, and a machine that is quiet: only if it is asked for. What bounds memory is in `test/dria/byte-budget.test.ts`. */
const isWanted = process.env.MEMORY_TESTS !== undefined && existsSync('/proc/self/status');

describe.skipIf(!isWanted).each(LOADS)(
  '$items answers of $megabytes MB, $concurrency of them at once',
  ({ items, megabytes, concurrency, most }) => {
    test('are written, and most of them are not in memory meanwhile', { timeout: 600_000 }, async () => {
      const world = await CliWorld.open({
        answerTokens: Math.round((megabytes * 1e6) / CHARACTERS_PER_TOKEN),
        ...{ context: 100_000_000, models: [{ id: 'm', nodes: 10 }] },
        latency: { kind: 'fixed', ms: 0 },
      });
      try {
        const output = world.path('out.jsonl');
        const flags = ['-c', `${concurrency}`, '--max-tokens', '10000000', '-o', output];
        const run = world.start(['batch', world.prompts('long', items), ...flags]);
        let peak = 0;
        const watch = setInterval(() => {
          peak = Math.max(peak, peakOf(run.pid));
        }, 50);
        const { code, stderr } = await run.ended.finally(() => clearInterval(watch));
        expect(code, stderr).toBe(0);
        process.stderr.write(`${items} answers of ${megabytes} MB: ${Math.round(peak)} MB\n`);
        expect(peak).toBeGreaterThan(100);
        expect(peak).toBeLessThan(most);
      } finally {
        await world.close();
      }
    });
  },
);

/** The most memory that a process has had so far, MB; 0 for one that has ended. */
function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
