import { expect, it } from 'vitest';
import type { ModelTable } from '../../src/batch/model-table.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import { OrderLine } from '../../src/workflows/orders.js';

const known = { models: [] as ModelTable, options: batchOptionsSchema.parse({}) };

/** A line to a chunk that hears every signal at once, and what it was granted by each. */
function openLine() {
  const heard: number[] = [];
  let granted = 1;
  const chunk = {
    workflowId: 'run/chunk-0',
    signal: async (_signal: unknown, orders: { granted: number }) => void heard.push(orders.granted),
  };
  const rest = { recalled: 0, leftElsewhere: 0, paused: false, revision: 0 };
  // Of the child's handle the line uses the signal alone; what is real of it cannot be held between two microtasks.
  const line = new OrderLine(chunk as never, known, () => ({ ...known, ...rest, granted }));
  return { line, heard, grant: () => granted++ };
}

it('delivers the newest orders, whenever they come while the last ones are being delivered', async () => {
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const { line, heard, grant } = openLine();
    line.send();
    for (let turn = 0; turn < microtasks; turn++) await undefined;
    grant();
    line.send();
    for (let turn = 0; turn < 30; turn++) await undefined;
    expect([microtasks, heard.at(-1)]).toEqual([microtasks, 2]);
  }
});
