// The projects of other people that have the packed package installed: needs a registry.
import { spawnSync } from 'node:child_process';

const env = { ...process.env, PACKAGE_TESTS: '1' };
const args = ['vitest', 'run', '--project', 'package', ...process.argv.slice(2)];
process.exitCode = spawnSync('npx', args, { stdio: 'inherit', env }).status ?? 1;
