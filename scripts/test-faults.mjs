// The fault tests at length: FAULT_ROUNDS rounds (20 by default), each with a seed of its own.
import { spawnSync } from 'node:child_process';

const env = { FAULT_ROUNDS: '20', ...process.env };
const args = ['vitest', 'run', '--project', 'cli', 'test/faults', ...process.argv.slice(2)];
process.exitCode = spawnSync('npx', args, { stdio: 'inherit', env }).status ?? 1;
