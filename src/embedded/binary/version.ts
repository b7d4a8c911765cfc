import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../errors.js';
import { type Binary, OLDEST_SERVER, statExecutable } from './binary.js';

const run = promisify(execFile);

/** A program that has not said its version by then is not `temporal`. A real one takes about 0.1 s. */
const VERSION_TIMEOUT_MS = 5_000;

/** A program as a {@link Binary}, or in words why it cannot be used: `is not executable`, `has server 1.20.0, …`. */
export type Checked = { readonly binary: Binary } | { readonly problem: string };

/**
 * Asks a program for its version (`temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`). When `known` describes this
 * very file the program is not run. Never rejects.
 */
export async function checkBinary(path: string, known?: Binary): Promise<Checked> {
  const stats = statExecutable(path);
  if (!stats) return { problem: 'is not an executable file' };
  if (known?.path === path && known.size === stats.size && known.modifiedMs === stats.modifiedMs) {
    return { binary: known };
  }
  const serverVersion = await askServerVersion(path);
  if ('problem' in serverVersion) return serverVersion;
  if (compareVersions(serverVersion.version, OLDEST_SERVER) < 0) {
    return { problem: `has Temporal server ${serverVersion.version}, too old: ${OLDEST_SERVER} or newer is needed` };
  }
  return { binary: { path, serverVersion: serverVersion.version, ...stats } };
}

async function askServerVersion(path: string): Promise<{ version: string } | { problem: string }> {
  try {
    const { DRIA_API_KEY: _key, ...env } = process.env;
    const { stdout } = await run(path, ['--version'], { env, timeout: VERSION_TIMEOUT_MS, killSignal: 'SIGKILL' });
    const version = /\(Server (\d+\.\d+\.\d+)/i.exec(stdout)?.[1];
    return version === undefined ? { problem: 'does not answer --version as temporal does' } : { version };
  } catch (error) {
    const [reason] = messageOf(error).split('\n');
    return { problem: `could not be asked for its version: ${reason}` };
  }
}

/** Compares `major.minor.patch`: negative when `a` is older than `b`, 0 when they are the same. */
export function compareVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (const index of [0, 1, 2]) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
