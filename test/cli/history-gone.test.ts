import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliWorld } from '../support/cli.js';
import { readResults } from '../support/result-lines.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
});
afterAll(() => world.close());

test('a run whose history is gone is found in its storage, and the same command goes on with it', async () => {
  const output = world.path('out.jsonl');
  const args = ['batch', world.prompts('kept', 5), '--id', 'kept', '-o', output];
  expect((await world.run(args)).code).toBe(0);
  await until('the server has left', () => world.servers.length === 0 && world.keeper === undefined);
  rmSync(join(world.dataDir, 'server'), { recursive: true });
  for (const command of ['attach', 'status', 'pause', 'cancel', 'retry']) {
    const { code, stderr } = await world.run([command, 'kept']);
    expect([code, stderr], command).toEqual([
      1,
      expect.stringMatching(
        /the server has no history of the run kept any more, but .*\nIts results: dria-temporal results kept\./,
      ),
    ]);
  }
  rmSync(output);
  const again = await world.run(args);
  expect(again.code, again.stderr).toBe(0);
  expect(readResults(output)).toHaveLength(5);
  expect((await world.network.stats()).requests).toBe(5);
});
