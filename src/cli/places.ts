import { resolveDataDir } from '../embedded/data-dir.js';
import { EmbeddedServerError } from '../embedded/errors.js';
import { openStorage } from '../storage/open-storage.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import type { PlaceFlags } from './temporal-flags.js';

/** Where a command keeps things. */
export interface Places {
  /** Absolute folder of the embedded server, and of the runs unless they have a root of their own. */
  readonly dataDir: string;
  /** Where the run directories are. */
  readonly storage: Storage;
}

/** The places that the flags and the environment say. Touches nothing. Throws a `UserError` for a root or a mode that is none. */
export function placesOf(flags: PlaceFlags, env: NodeJS.ProcessEnv): Places {
  const dataDir = dataDirOf(flags, env);
  try {
    return { dataDir, storage: openStorage(flags.storage || env.DRIA_TEMPORAL_STORAGE || dataDir, env) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(error.message, {
      exitCode: 2,
      hint: 'Check --storage, DRIA_TEMPORAL_STORAGE and DRIA_TEMPORAL_STORAGE_MODE.',
      cause: error,
    });
  }
}

function dataDirOf({ dataDir }: PlaceFlags, env: NodeJS.ProcessEnv): string {
  try {
    return resolveDataDir(dataDir, env);
  } catch (error) {
    if (!(error instanceof EmbeddedServerError)) throw error;
    throw new UserError(error.message, { exitCode: 2, cause: error });
  }
}

/** {@link placesOf} with a storage that has been found usable: what is wrong with it is said before anything starts. */
export async function usablePlaces(flags: PlaceFlags, env: NodeJS.ProcessEnv): Promise<Places> {
  const places = placesOf(flags, env);
  try {
    await places.storage.check();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`the storage cannot be used: ${reason}`, {
      exitCode: 1,
      hint: 'Check --storage or DRIA_TEMPORAL_STORAGE; for s3:// also the AWS_* settings.',
    });
  }
  return places;
}
