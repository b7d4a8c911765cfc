import { accessSync, constants, statSync } from 'node:fs';

/** A `temporal` program that can run our server. */
export interface Binary {
  /** Absolute path. */
  readonly path: string;
  /** The version of the server inside, `1.32.0`. */
  readonly serverVersion: string;
  /** Size in bytes and time of the last change (ms): as long as they hold, the version does. */
  readonly size: number;
  readonly modifiedMs: number;
}

/** Release of the `temporal` program that we install, and the server inside it. */
export const PINNED_CLI = '1.9.1';
export const PINNED_SERVER = '1.32.0';

/** Oldest server that we run: the first with every feature that the workflows use. */
export const OLDEST_SERVER = '1.28.0';

/** Size and time of a file that can be executed, or undefined when there is no such file. */
export function statExecutable(path: string): Pick<Binary, 'size' | 'modifiedMs'> | undefined {
  try {
    accessSync(path, constants.X_OK);
    const stats = statSync(path);
    return stats.isFile() ? { size: stats.size, modifiedMs: stats.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}
