import { resolveDataDir } from '../embedded/data-dir.js';
import { openStorage } from '../storage/open-storage.js';
import type { Storage } from '../storage/storage.js';

/** Where a command keeps things. */
export interface Places {
  /** Absolute folder of the embedded server, and of the runs unless they have a folder of their own. */
  readonly dataDir: string;
  /** Where the run directories are. */
  readonly storage: Storage;
}

/** The places that the flags and the environment say. Touches nothing. */
export function placesOf(dataDirFlag: string | undefined, env: NodeJS.ProcessEnv): Places {
  const dataDir = resolveDataDir(dataDirFlag, env);
  return { dataDir, storage: openStorage(env.DRIA_TEMPORAL_STORAGE || dataDir) };
}
