import { homedir } from 'node:os';
import { join } from 'node:path';

/** The folder of our name in it. */
const NAME = 'dria-temporal';

/** What is kept: `data` lasts, a `cache` can be made again. */
export type DirKind = 'data' | 'cache';

/**
 * Returns the platform's own place for an application's files; undefined if nothing says where it is: a user id of a
 * container may have neither HOME nor an entry in the user database.
 */
export function platformDir(kind: DirKind, env: NodeJS.ProcessEnv): string | undefined {
  if (process.platform === 'darwin') {
    return belowHome('Library', kind === 'data' ? 'Application Support' : 'Caches', NAME);
  }
  if (process.platform === 'win32') {
    const folder = kind === 'data' ? 'Data' : 'Cache';
    return env.LOCALAPPDATA ? join(env.LOCALAPPDATA, NAME, folder) : belowHome('AppData', 'Local', NAME, folder);
  }
  // The XDG base directories.
  const chosen = kind === 'data' ? env.XDG_DATA_HOME : env.XDG_CACHE_HOME;
  if (chosen) return join(chosen, NAME);
  return kind === 'data' ? belowHome('.local', 'share', NAME) : belowHome('.cache', NAME);
}

/** Returns a path in the home folder; undefined if there is none. */
export function belowHome(...names: readonly string[]): string | undefined {
  try {
    return join(homedir(), ...names);
  } catch {
    return undefined;
  }
}
