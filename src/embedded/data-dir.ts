import { accessSync, chmodSync, constants, mkdirSync, realpathSync, statfsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemCode } from '../system-error.js';
import { EmbeddedServerError, messageOf } from './errors.js';
import { belowHome, platformDir } from './platform-dir.js';

/**
 * Where runs and the embedded server's database are kept: the `--data-dir` flag, else `DRIA_TEMPORAL_HOME`, else the
 * platform's own place for application data. An absolute path; nothing is created. A leading `~/` is the home folder,
 * because a shell leaves it alone in `--data-dir=~/x`. Throws `DATA_DIR` if the place depends on a home folder that this
 * user does not have.
 */
export function resolveDataDir(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  const chosen = flag || env.DRIA_TEMPORAL_HOME;
  if (!chosen) return platformDir('data', env) ?? refuseHomeless();
  if (/^[a-z][a-z0-9+.-]+:\//i.test(chosen)) refuseUrl();
  return resolve(chosen.startsWith('~/') ? (belowHome(chosen.slice(2)) ?? refuseHomeless()) : chosen);
}

function refuseHomeless(): never {
  throw new EmbeddedServerError(
    'DATA_DIR',
    'This user has no home folder to keep runs in. Choose a folder with --data-dir or DRIA_TEMPORAL_HOME, or set HOME.',
  );
}

function refuseUrl(): never {
  throw new EmbeddedServerError(
    'DATA_DIR',
    'The data directory (--data-dir or DRIA_TEMPORAL_HOME) is a folder of this machine and no URL. For runs in a bucket give --storage.',
  );
}

/** The files of the embedded server of one data directory. All absolute paths. */
export interface ServerPaths {
  /** The data directory itself, for messages. */
  readonly dataDir: string;
  /** `<dataDir>/server`, mode 0700: everything below lives here. */
  readonly dir: string;
  readonly database: string;
  /** What the server and its keeper print. */
  readonly log: string;
  /** Where the keeper listens, and its token. */
  readonly keeperState: string;
  /** Ports and version of the last server. */
  readonly serverState: string;
}

/** Names the files of a data directory's embedded server. */
export function serverPaths(dataDir: string): ServerPaths {
  const dir = join(resolve(dataDir), 'server');
  return {
    dataDir: resolve(dataDir),
    dir,
    database: join(dir, 'temporal.db'),
    log: join(dir, 'server.log'),
    keeperState: join(dir, 'keeper.json'),
    serverState: join(dir, 'server.json'),
  };
}

/**
 * Makes the server's folder and names its files by their real path, so that two ways to the same folder are one data
 * directory. Throws `DATA_DIR` or `DISK_FULL` when it cannot be made or written to.
 */
export function prepareServerDir(dataDir: string): ServerPaths {
  const paths = serverPaths(dataDir);
  try {
    mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
    // The database is in it, made by the server as the umask has it.
    chmodSync(paths.dir, 0o700);
    accessSync(paths.dir, constants.R_OK | constants.W_OK | constants.X_OK);
    return serverPaths(realpathSync(paths.dataDir));
  } catch (error) {
    throw unusable(paths, error);
  }
}

/** The error for a file of the data directory that could not be written. */
export function unusable(paths: ServerPaths, cause: unknown): EmbeddedServerError {
  if (systemCode(cause) === 'ENOSPC') return diskFull(paths, cause);
  return new EmbeddedServerError(
    'DATA_DIR',
    `The data directory ${paths.dataDir} cannot be used: ${messageOf(cause)}. ` +
      'Make it writable, or choose another with --data-dir or DRIA_TEMPORAL_HOME.',
    { cause },
  );
}

/** The error for a full disk under the data directory. */
export function diskFull(paths: ServerPaths, cause?: unknown): EmbeddedServerError {
  return new EmbeddedServerError(
    'DISK_FULL',
    `The disk with the data directory ${paths.dataDir} is full. ` +
      'Free some space, or choose another place with --data-dir or DRIA_TEMPORAL_HOME.',
    { cause },
  );
}

/** Below this many free bytes a database cannot be kept; the log, too, then lacks the words that would say so. */
const FULL_BYTES = 1024 * 1024;

/** Whether the disk under the data directory has next to no space left for us. */
export function isDiskFull(paths: ServerPaths): boolean {
  try {
    const { bavail, bsize } = statfsSync(paths.dir);
    return bavail * bsize < FULL_BYTES;
  } catch {
    return false;
  }
}
