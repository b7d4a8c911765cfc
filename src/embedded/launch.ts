import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Binary } from './binary/binary.js';
import { type ServerPaths, unusable } from './data-dir.js';
import { logSize, openServerLog, readLogSince } from './server-log.js';

/** A keeper process that was started here. */
export interface LaunchedKeeper {
  /** Whether it still runs, as far as this process has heard. */
  readonly isRunning: boolean;
  /** Its error output when it ended with an error; undefined when it runs, ended well, or was killed. */
  readonly failure: string | undefined;
}

/**
 * What the keeper and the server need of the environment (HOME for a `temporal` that is a version manager's shim);
 * anything else, an API key above all, is kept from them.
 */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ'];

/**
 * Starts a keeper in a session of its own, so that Ctrl-C in this terminal does not reach it, and away from the
 * current folder, which may be removed. Throws `DATA_DIR` or `DISK_FULL` when its log cannot be opened.
 */
export function launchKeeper(paths: ServerPaths, binary: Binary, env: NodeJS.ProcessEnv): LaunchedKeeper {
  const keeper = fileURLToPath(new URL('./keeper.js', import.meta.url));
  const task = JSON.stringify({ dataDir: paths.dataDir, binary });
  const log = openLog(paths);
  const logStart = logSize(paths.log);
  const child = spawn(process.execPath, [keeper, task], {
    cwd: paths.dir,
    detached: true,
    env: Object.fromEntries(PASSED_ON.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
    stdio: ['ignore', 'ignore', log],
  });
  closeSync(log);
  child.unref();
  const launched = { isRunning: true, failure: undefined as string | undefined };
  child.once('error', (error) => Object.assign(launched, { isRunning: false, failure: error.message }));
  child.once('exit', (code) => {
    const failure = code ? readLogSince(paths.log, logStart) || `it ended with code ${code}` : undefined;
    Object.assign(launched, { isRunning: false, failure });
  });
  return launched;
}

function openLog(paths: ServerPaths): number {
  try {
    return openServerLog(paths.log);
  } catch (cause) {
    throw unusable(paths, cause);
  }
}
