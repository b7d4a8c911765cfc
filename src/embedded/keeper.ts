import { randomBytes } from 'node:crypto';
import type { Binary } from './binary/binary.js';
import { type ServerPaths, serverPaths, unusable } from './data-dir.js';
import { EmbeddedServerError, messageOf } from './errors.js';
import { acquireKeeperLock } from './keeper-lock.js';
import { Members } from './members.js';
import { type KeeperMessage, PROTOCOL } from './messages.js';
import { parseFields, toBinary, writeState } from './state.js';
import { supervise } from './supervisor.js';

// The keeper: a small process of its own that owns the server of one data directory. Started by whichever command
// comes first, told its task as one JSON argument, ended by the last command's leaving.

/** Standard error is the server log, open for appending. */
const LOG_DESCRIPTOR = 2;

function readTask(): { paths: ServerPaths; binary: Binary } {
  const fields = parseFields(process.argv[2] ?? '');
  const dataDir = fields?.dataDir;
  const binary = toBinary(fields?.binary);
  if (typeof dataDir !== 'string' || !binary) {
    throw new Error('the keeper is started by dria-temporal, with its task as its one argument');
  }
  return { paths: serverPaths(dataDir), binary };
}

async function openDoor(paths: ServerPaths): Promise<Members> {
  const token = randomBytes(32).toString('hex');
  const members = await Members.listen(token);
  try {
    writeState(paths.keeperState, { protocol: PROTOCOL, pid: process.pid, port: members.port, token });
  } catch (cause) {
    throw unusable(paths, cause);
  }
  return members;
}

function toldToEnd(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => controller.abort());
  return controller.signal;
}

function failure(error: unknown): KeeperMessage & { type: 'failed' } {
  const code = error instanceof EmbeddedServerError ? error.code : 'START_FAILED';
  return { type: 'failed', code, message: messageOf(error) };
}

async function main(): Promise<void> {
  const { paths, binary } = readTask();
  if (!acquireKeeperLock(paths.dir)) return;
  const signal = toldToEnd();
  const members = await openDoor(paths);
  try {
    await supervise({ paths, binary, members, log: LOG_DESCRIPTOR, signal });
  } catch (error) {
    process.stderr.write(`dria-temporal keeper: ${messageOf(error)}\n`);
    process.exitCode = 1;
    await lastWords(members, failure(error));
  }
}

/** The commands that wait for this server have the reason before the keeper is gone. */
async function lastWords(members: Members, message: KeeperMessage): Promise<void> {
  const over = new AbortController();
  // The command that started this keeper may still be on its way in.
  if (members.count === 0) {
    const timer = setTimeout(() => over.abort(), 500);
    await members.arrival(over.signal);
    clearTimeout(timer);
  }
  await members.close(message);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`dria-temporal keeper: ${messageOf(error)}\n`);
  process.exitCode = 1;
}
process.exit();
