// The topology of docker-compose.yml as processes: needs Go, and PostgreSQL 15 or newer (Debian: apt install postgresql).
import { spawnSync } from 'node:child_process';

const env = { ...process.env, CLUSTER_TESTS: '1' };
const args = ['vitest', 'run', '--project', 'cluster', ...process.argv.slice(2)];
process.exitCode = spawnSync('npx', args, { stdio: 'inherit', env }).status ?? 1;
