// Prints the path of Docker Compose, which checks docker-compose.yml without a daemon; builds it with Go into the cache.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSION = 'v2.40.3';
const PACKAGE = 'github.com/docker/compose/v2/cmd';

const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'dria-temporal-tests');
// By this name it runs alone and not as a plug-in of docker.
const program = join(folder, `compose-${VERSION}`, 'docker-compose');

if (!existsSync(program)) {
  process.stderr.write(`building ${PACKAGE}@${VERSION}: some minutes\n`);
  mkdirSync(join(program, '..'), { recursive: true });
  const building = mkdtempSync(join(folder, 'building-'));
  const go = (...args) => execFileSync('go', args, { cwd: building, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    // `go install` refuses it for what its go.mod excludes: it is built as a dependency of an empty module.
    go('mod', 'init', 'building');
    go('get', `${PACKAGE}@${VERSION}`);
    go('build', '-o', 'docker-compose', PACKAGE);
    renameSync(join(building, 'docker-compose'), program);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
}
process.stdout.write(`${program}\n`);
