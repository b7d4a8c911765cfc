import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findBinary } from '../../src/embedded/binary/find.js';
import { serverPaths } from '../../src/embedded/data-dir.js';
import { keeperLockOwner } from '../../src/embedded/keeper-lock.js';
import { findServers, processStart } from '../../src/embedded/processes.js';

/** What a member process said. */
export interface MemberEvent {
  readonly type: 'step' | 'joined' | 'left' | 'failed';
  readonly message?: string;
  readonly code?: string;
  readonly address?: string;
  readonly uiUrl?: string;
}

const MEMBER = fileURLToPath(new URL('./member.mjs', import.meta.url));
const SOURCES = fileURLToPath(new URL('../../src/embedded', import.meta.url));
const BUILT = fileURLToPath(new URL('../../dist/embedded', import.meta.url));

/**
 * The temporal program, installed the way a user's machine would, but never from the download host: the address given
 * here refuses at once.
 */
export async function temporalProgram(): Promise<string> {
  const binary = await findBinary({
    env: process.env,
    fallbackCache: join(tmpdir(), 'dria-temporal-cache'),
    onStep: (message) => process.stderr.write(`${message}\n`),
    downloadUrl: 'http://127.0.0.1:1',
  });
  return binary.path;
}

/** The processes under test run the built files; fails when those are not built from the sources of now. */
export function requireBuilt(): void {
  for (const name of readdirSync(SOURCES, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts')) continue;
    const built = statSync(join(BUILT, name.replace(/\.ts$/, '.js')), { throwIfNoEntry: false });
    if (!built || built.mtimeMs < statSync(join(SOURCES, name)).mtimeMs) {
      throw new Error(`dist/embedded is older than src/embedded/${name}: run npm run build first`);
    }
  }
}

/** Looks again and again until the condition holds; fails after `timeoutMs`. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await delay(25);
  }
}

/** A data directory of one test, with every process that was started on it. */
export class TestDataDir {
  readonly dataDir = realpathSync(mkdtempSync(join(tmpdir(), 'dria-temporal-embedded-')));
  readonly #members: Member[] = [];

  constructor(private readonly program: string) {}

  get paths() {
    return serverPaths(this.dataDir);
  }

  /** Pids of the servers on this database. */
  get servers(): number[] {
    return findServers(this.paths.database).map((server) => server.pid);
  }

  /** The one server. */
  get server(): number {
    return only(this.servers);
  }

  get keeper(): number {
    return only([keeperLockOwner(this.paths.dir)?.pid].filter((pid) => pid !== undefined));
  }

  get isKept(): boolean {
    return keeperLockOwner(this.paths.dir) !== undefined;
  }

  /** Starts a command on this data directory, or on another way to it. */
  start(env: NodeJS.ProcessEnv = {}, dataDir = this.dataDir): Member {
    const member = new Member(dataDir, { ...process.env, TEMPORAL_CLI_PATH: this.program, ...env });
    this.#members.push(member);
    return member;
  }

  /** Starts a command and waits until it has joined. */
  async join(): Promise<Member> {
    const member = this.start();
    await member.joined();
    return member;
  }

  async untilStopped(): Promise<void> {
    await until('server and keeper are gone', () => this.servers.length === 0 && !this.isKept);
  }

  /** Ends whatever a failed test has left running and removes the folder. */
  async remove(): Promise<void> {
    for (const member of this.#members) member.kill();
    await this.untilStopped().catch(() => {
      for (const pid of [...this.servers, keeperLockOwner(this.paths.dir)?.pid]) if (pid) process.kill(pid, 'SIGKILL');
    });
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** One command in a process of its own. */
export class Member {
  readonly events: MemberEvent[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(dataDir: string, env: NodeJS.ProcessEnv) {
    requireBuilt();
    const child = spawn(process.execPath, [MEMBER, dataDir], { env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#exited = once(child, 'exit');
    createInterface({ input: child.stdout }).on('line', (line) => this.events.push(JSON.parse(line)));
  }

  find(type: MemberEvent['type']): MemberEvent | undefined {
    return this.events.find((event) => event.type === type);
  }

  steps(): string[] {
    return this.events.flatMap((event) => (event.type === 'step' && event.message ? [event.message] : []));
  }

  /** Where the server is. Fails when the command could not join. */
  async joined(): Promise<{ address: string; uiUrl: string }> {
    await until('the command has joined or failed', () => !!(this.find('joined') ?? this.find('failed')));
    const { address, uiUrl } = this.find('joined') ?? {};
    if (!address || !uiUrl) throw new Error(this.find('failed')?.message);
    return { address, uiUrl };
  }

  /** Why the command could not join. */
  async failed(): Promise<{ code: string; message: string }> {
    await until('the command has joined or failed', () => !!(this.find('joined') ?? this.find('failed')));
    const { code, message } = this.find('failed') ?? {};
    if (!code || !message) throw new Error('the command joined, or failed without a code');
    return { code, message };
  }

  /** Leaves in order and waits for the process to end. */
  async leave(): Promise<void> {
    this.#child.stdin?.write('leave\n');
    await this.#exited;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Kills and waits until the process table no longer has it. */
export async function killNow(...pids: number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await until('the killed processes are gone', () => pids.every((pid) => processStart(pid) === undefined));
}

function only(pids: readonly number[]): number {
  const [pid, ...others] = pids;
  if (pid === undefined || others.length > 0) throw new Error(`expected one process, found ${pids.length}`);
  return pid;
}
