import { resolveDataDir } from './embedded/data-dir.js';
import { openStorage } from './storage/open-storage.js';
import type { Storage } from './storage/storage.js';

/** A storage: a folder, `s3://bucket/prefix`, or an implementation of one's own. */
export type StorageOption = string | Storage;

/** Returns the storage that is meant. Default: `DRIA_TEMPORAL_STORAGE`, else the folder of the command line. */
export function storageOf(option: StorageOption | undefined, env: NodeJS.ProcessEnv = process.env): Storage {
  if (typeof option === 'object') return option;
  return openStorage(option ?? (env.DRIA_TEMPORAL_STORAGE || resolveDataDir(undefined, env)));
}
