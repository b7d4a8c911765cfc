import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliWorld, MAIN } from '../support/cli.js';

let world: CliWorld;
beforeAll(async () => {
  world = await CliWorld.open();
});
afterAll(() => world.close());

/** Runs `batch` as a process that may open so many files. */
function batch(files: number, ...args: readonly string[]) {
  const script = 'ulimit -n "$0" && exec "$@"';
  return world.spawn('/bin/sh', ['-c', script, String(files), process.execPath, MAIN, 'batch', ...args]).ended;
}

test('a process that may open 256 files sends fewer requests at once than it was told to, says so, and loses nothing', async () => {
  await world.network.script({ match: {}, respond: { kind: 'answer', delayMs: 500 } });
  const { code, stderr } = await batch(256, world.prompts('many', 400), '-c', '300', '-o', world.path('many.out'));
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('-c 300: only 64 requests are in flight at once');
  expect((await world.network.stats()).maxInFlight).toBe(64);
});

test('a process that may open 100 files is refused before anything is sent', async () => {
  await world.network.reset();
  const { code, stderr } = await batch(100, world.prompts('few', 2));
  expect(code).toBe(1);
  expect(stderr).toContain('may open 100 files only');
  expect(stderr).toContain('ulimit -n 1024');
  expect((await world.network.stats()).requests).toBe(0);
});
