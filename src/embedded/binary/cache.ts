import { chmod, mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { platformDir } from '../platform-dir.js';
import { PINNED_CLI } from './binary.js';

/**
 * Where installed programs are kept: `DRIA_TEMPORAL_CACHE`, else the platform's own place for caches, else, for a user
 * without a home folder, `fallback`.
 */
export function resolveCacheDir<T extends string | undefined>(env: NodeJS.ProcessEnv, fallback: T): string | T {
  const chosen = env.DRIA_TEMPORAL_CACHE;
  return chosen ? resolve(chosen) : (platformDir('cache', env) ?? fallback);
}

/** Where the pinned release is, or would be. Only whole programs are ever under this name. */
export function cachedBinaryPath(cacheDir: string): string {
  return join(cacheDir, `temporal-cli-${PINNED_CLI}`, 'temporal');
}

/**
 * Installs into the cache whole or not at all. `fetchInto` gets an empty folder on the same disk and resolves to the
 * path of the program in it; the program is then synced and renamed to its place. Two at once: the last rename wins,
 * and both programs are the same. Returns the program's path in the cache.
 */
export async function installIntoCache(
  cacheDir: string,
  fetchInto: (folder: string) => Promise<string>,
): Promise<string> {
  const target = cachedBinaryPath(cacheDir);
  await mkdir(join(target, '..'), { recursive: true });
  const folder = await mkdtemp(join(cacheDir, 'installing-'));
  try {
    const program = await fetchInto(folder);
    await chmod(program, 0o755);
    await sync(program);
    await rename(program, target);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without this a power cut soon after could leave an empty file under the final name. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
