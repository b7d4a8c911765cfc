// Prints the path of the S3 server that the tests use (versitygw); builds it with Go into the cache when it is not there.
// Exits with 3 when it is not there and there is no Go.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSION = 'v1.8.0';
const PACKAGE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`;

const { VERSITYGW_PATH, XDG_CACHE_HOME } = process.env;
const folder = join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'dria-temporal-tests');
const program = VERSITYGW_PATH || join(folder, `versitygw-${VERSION}`);

if (!existsSync(program)) {
  if (spawnSync('go', ['version']).status !== 0) {
    process.stderr.write(`no S3 server for the tests: set VERSITYGW_PATH, or install Go to build ${PACKAGE}\n`);
    process.exit(3);
  }
  mkdirSync(folder, { recursive: true });
  // Built aside and renamed: two suites may do this at once.
  const building = mkdtempSync(join(folder, 'building-'));
  try {
    const env = { ...process.env, GOBIN: building };
    execFileSync('go', ['install', PACKAGE], { env, stdio: ['ignore', 'inherit', 'inherit'] });
    renameSync(join(building, 'versitygw'), program);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}
process.stdout.write(`${program}\n`);
