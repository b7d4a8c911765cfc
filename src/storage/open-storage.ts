import { fileURLToPath } from 'node:url';
import { BY_UMASK, type FileModes, FileStorage, PRIVATE } from './file-storage.js';
import { isS3Root, parseS3Root } from './s3-location.js';
import { S3Storage } from './s3-storage.js';
import type { Storage } from './storage.js';

/** What begins as a URL does: no folder is meant by it. (A drive of Windows has one letter.) */
const URL_LIKE = /^[a-z][a-z0-9+.-]+:\//i;

/**
 * Opens a storage root as users write it: a folder, also as a file: URL, or `s3://bucket/prefix` by the standard AWS
 * settings in `env`. Touches nothing yet. Throws a `RangeError` for anything else, and for a mode of files that is none.
 */
export function openStorage(root: string, env: NodeJS.ProcessEnv = process.env): Storage {
  if (isS3Root(root)) return new S3Storage(parseS3Root(root), env);
  return new FileStorage(URL_LIKE.test(root) ? folderOf(root) : root, modesOf(env));
}

/** Runs hold prompts and answers: only their user can read them, unless users share the folder. */
function modesOf({ DRIA_TEMPORAL_STORAGE_MODE: mode = '' }: NodeJS.ProcessEnv): FileModes {
  if (mode === '' || mode === 'private') return PRIVATE;
  if (mode === 'umask') return BY_UMASK;
  throw new RangeError(`DRIA_TEMPORAL_STORAGE_MODE is ${mode}: give private or umask`);
}

function folderOf(url: string): string {
  if (!/^file:/i.test(url))
    throw new RangeError(`the storage ${withoutSecrets(url)} is neither a folder nor s3://bucket/prefix`);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new RangeError(`the storage ${url} is not the URL of a folder of this machine`, { cause });
  }
}

/** Returns a URL for a message: a user name and a password may be in it, and a signature. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/s, '');
}
