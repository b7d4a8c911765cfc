// Builds the Temporal server and its SQL tool with Go into the cache, and prints where they and the schemas are, as JSON.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const VERSION = 'v1.32.0';
const MODULE = 'go.temporal.io/server';

const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
const folder = join(cache, 'dria-temporal-tests', `temporal-${VERSION}`);
const programs = { server: join(folder, 'temporal-server'), sqlTool: join(folder, 'temporal-sql-tool') };

mkdirSync(folder, { recursive: true });
build('cmd/server', 'server', programs.server);
build('cmd/tools/sql', 'sql', programs.sqlTool);
// In an empty folder: a go.mod of somebody else must not matter.
const module = JSON.parse(
  execFileSync('go', ['mod', 'download', '-json', `${MODULE}@${VERSION}`], { cwd: folder, encoding: 'utf8' }),
);
process.stdout.write(`${JSON.stringify({ ...programs, schemas: join(module.Dir, 'schema/postgresql/v12') })}\n`);

function build(path, name, program) {
  if (existsSync(program)) return;
  process.stderr.write(`building ${MODULE}/${path}@${VERSION}: some minutes\n`);
  const env = { ...process.env, GOBIN: folder };
  execFileSync('go', ['install', `${MODULE}/${path}@${VERSION}`], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  renameSync(join(folder, name), program);
}
