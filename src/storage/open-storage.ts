import { FileStorage } from './file-storage.js';
import { isS3Root, parseS3Root } from './s3-location.js';
import { S3Storage } from './s3-storage.js';
import type { Storage } from './storage.js';

/**
 * Opens a storage root as users write it: a folder, or `s3://bucket/prefix` by the standard AWS settings in `env`.
 * Touches nothing yet. Throws a `RangeError` for an S3 root that is none.
 */
export function openStorage(root: string, env: NodeJS.ProcessEnv = process.env): Storage {
  return isS3Root(root) ? new S3Storage(parseS3Root(root), env) : new FileStorage(root);
}
