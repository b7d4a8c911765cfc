// Runs a part of the tests on the newest Node, which npm has as a package: what reads and writes files, and one run as a
// process. The version is pinned, so that a failure is of our making. Exits with 3 if the program cannot be had.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const VERSION = '26.10.0';
const UNIT = ['test/input', 'test/store', 'test/activities', 'test/formats'];
const AS_PROCESS = ['test/cli/batch.test.ts'];

const node = newestNode();
if (node === undefined) {
  process.stderr.write(`Node ${VERSION} cannot be had from npm: its tests are skipped\n`);
  process.exit(3);
}
for (const [project, files] of [
  ['unit', UNIT],
  ['cli', AS_PROCESS],
]) {
  const { status } = vitest(node, ['run', '--project', project, ...files]);
  if (status !== 0) process.exit(status ?? 1);
}

function newestNode() {
  const pkg = `node-${process.platform}-${process.arch}@${VERSION}`;
  const args = ['--yes', `--package=${pkg}`, '--', 'node', '-p', 'process.execPath'];
  const { status, stdout } = spawnSync('npx', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return status === 0 ? stdout.trim() : undefined;
}

function vitest(program, args) {
  const cli = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
  return spawnSync(program, [cli, ...args], { stdio: 'inherit' });
}
