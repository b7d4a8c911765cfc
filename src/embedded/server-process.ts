import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { devNull } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binary } from './binary/binary.js';
import type { ServerPaths } from './data-dir.js';
import { isServing } from './frontend.js';
import type { ServerPorts, StartPorts } from './ports.js';
import { findServers, isRunning, type ProcessRef } from './processes.js';

/** A dev server, our child or an orphan that we look after. */
export interface ServerProcess extends ServerPorts {
  readonly pid: number;
  /** Resolves when the process is gone, however it went. Never rejects. */
  readonly exited: Promise<void>;
  /** Sends a signal; nothing happens when the process is gone. */
  kill(signal: NodeJS.Signals): void;
}

/** How often to ask a starting server whether it serves, and whether an adopted one still runs. */
const READY_POLL_MS = 15;
const ADOPTED_POLL_MS = 200;

/** A stop in order takes the server 1.4 s. */
const STOP_TIMEOUT_MS = 5_000;

/**
 * What the server is told about SQLite (server 1.32 passes each one on to its driver):
 * - `journal_mode=wal` with `synchronous=normal`: 3 instead of 160 fsyncs for 8 workflow starts. A killed process
 *   loses nothing. A power cut may lose the last transactions, at most those since the last checkpoint of the WAL, but
 *   leaves the database whole. Answers are not in it: they are in the run's storage.
 * - `locking_mode=exclusive`: the server holds the file's lock for as long as it lives, so that a second server on the
 *   same database cannot start, whatever our own bookkeeping believes. The kernel frees it on `kill -9`.
 */
const PRAGMAS = ['journal_mode=wal', 'synchronous=normal', 'locking_mode=exclusive'];

/** The HTTP API obeys a web page's plain POST: it answers only those who reach it by a name that nobody can have. */
const HTTP_HOSTS = 'frontend.httpAllowedHosts=["nobody.invalid"]';

/** Arguments of `temporal` for a server on this database and these ports. */
export function serverArguments(paths: ServerPaths, { port, ui, httpPort, metricsPort }: StartPorts): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port)],
    ...['--ui-ip', ui.host, '--ui-port', String(ui.port)],
    ...['--http-port', String(httpPort), '--metrics-port', String(metricsPort), '--dynamic-config-value', HTTP_HOSTS],
    ...['--db-filename', paths.database, '--log-level', 'error'],
    ...PRAGMAS.flatMap((pragma) => ['--sqlite-pragma', pragma]),
  ];
}

/** Starts a server as a child of this process. Its output goes to `log`. Rejects when the program cannot be run. */
export async function spawnServer(
  binary: Binary,
  paths: ServerPaths,
  ports: StartPorts,
  log: number,
): Promise<ServerProcess> {
  const child = spawn(binary.path, serverArguments(paths, ports), {
    cwd: paths.dir,
    env: {
      // The program does not start for a user id without an entry in the user database unless it has these.
      ...{ HOME: paths.dir, USER: 'dria-temporal' },
      ...process.env,
      // A user's profile is for their clients, and a broken one must not keep the server from starting.
      TEMPORAL_CONFIG_FILE: devNull,
    },
    stdio: ['ignore', log, log],
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await once(child, 'spawn');
  // A signal that cannot be sent is an error event too; whether the process is gone is all that counts.
  child.on('error', () => undefined);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${binary.path} has no pid`);
  const { port, ui } = ports;
  return { pid, port, ui, exited, kill: (signal) => void child.kill(signal) };
}

/**
 * The server that a killed keeper left behind on this database, if it still serves. One that does not is killed.
 * Resolves when at most the adopted one is left.
 */
export async function adoptServer(paths: ServerPaths, timeoutMs: number): Promise<ServerProcess | undefined> {
  let adopted: ServerProcess | undefined;
  for (const orphan of findOrphans(paths)) {
    if (!adopted && (await waitUntilServing(orphan, timeoutMs)) === 'serving') adopted = orphan;
    else await stopServer(orphan, Promise.resolve());
  }
  return adopted;
}

/** Ends every server on this database: the one behind a wrapper script may outlive the script that was our child. */
export async function stopOrphans(paths: ServerPaths): Promise<void> {
  await Promise.all(findOrphans(paths).map((orphan) => stopServer(orphan, Promise.resolve())));
}

function findOrphans(paths: ServerPaths): ServerProcess[] {
  return findServers(paths.database).map((found) => watchOrphan(found, found));
}

function watchOrphan(process_: ProcessRef, { port, ui }: ServerPorts): ServerProcess {
  const { pid } = process_;
  const kill = (signal: NodeJS.Signals): void => {
    try {
      if (isRunning(process_)) process.kill(pid, signal);
    } catch {
      // It ended between the look and the signal.
    }
  };
  return { pid, port, ui, exited: untilGone(process_), kill };
}

/** Not our child, so there is no exit event. */
async function untilGone(process_: ProcessRef): Promise<void> {
  while (isRunning(process_)) await delay(ADOPTED_POLL_MS);
}

/** Waits until the server answers, ends by itself, or the time is over. */
export async function waitUntilServing(
  server: ServerProcess,
  timeoutMs: number,
): Promise<'serving' | 'exited' | 'silent'> {
  let gone = false;
  void server.exited.then(() => {
    gone = true;
  });
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (gone) return 'exited';
    if (await isServing(server.port)) return 'serving';
    await delay(READY_POLL_MS);
  }
  return 'silent';
}

/**
 * Stops a server in order; by force when `hurry` resolves (somebody waits for a new one) or it takes too long. Being
 * killed does the database no harm: see the pragmas.
 */
export async function stopServer(server: ServerProcess, hurry: Promise<void>): Promise<void> {
  server.kill('SIGTERM');
  const late = new AbortController();
  const timeout = delay(STOP_TIMEOUT_MS, undefined, { signal: late.signal }).catch(() => undefined);
  await Promise.race([server.exited, hurry, timeout]);
  late.abort();
  server.kill('SIGKILL');
  await server.exited;
}
