import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-ports.js';
import { until } from '../support/until.js';
import { Service } from './service.js';

/** Where Debian puts the programs of its PostgreSQL versions. */
const DEBIAN = '/usr/lib/postgresql';

/** PostgreSQL with a database directory of its own. */
export class Postgres {
  private constructor(
    private readonly service: Service,
    readonly port: number,
  ) {}

  static async start(folder: string): Promise<Postgres> {
    const bin = binaries();
    const data = join(folder, 'postgres');
    mkdirSync(data);
    asServant(data, join(bin, 'initdb'), ['-D', data, '-U', 'temporal', '-A', 'trust']);
    const port = await freePort();
    const args = ['-D', data, '-p', String(port), '-k', data, '-c', 'listen_addresses=127.0.0.1'];
    const [program, allArgs] = servant(join(bin, 'postgres'), args);
    const service = new Service(program, allArgs, join(folder, 'postgres.log'));
    await until('PostgreSQL answers', () => isReady(bin, port), 30_000);
    return new Postgres(service, port);
  }

  async close(): Promise<void> {
    await this.service.end('SIGINT');
  }
}

function binaries(): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const [newest] = versions;
  if (newest === undefined) throw new Error('no PostgreSQL: apt install postgresql');
  return join(DEBIAN, newest, 'bin');
}

function isReady(bin: string, port: number): boolean {
  try {
    execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** PostgreSQL refuses to run as root: then it runs as its own user. */
function servant(program: string, args: readonly string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, [...args]];
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]];
}

function asServant(folder: string, program: string, args: readonly string[]): void {
  if (process.getuid?.() === 0) {
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    chownSync(folder, id('-u'), id('-g'));
  }
  const [servantProgram, servantArgs] = servant(program, args);
  execFileSync(servantProgram, servantArgs, { stdio: 'pipe' });
}
