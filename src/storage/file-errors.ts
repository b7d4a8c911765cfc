import { systemCode } from '../system-error.js';
import { StorageError, type StorageErrorCode } from './storage.js';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is a file and not a folder',
  EEXIST: 'a part of the path is a file and not a folder',
  EISDIR: 'a folder is in its place',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EMFILE: 'too many open files',
  EIO: 'the disk reports an error',
};

/** What the caller was doing: a key whose place a folder holds cannot be written, but to readers it is just not there. */
export type FileAccess = 'read' | 'write';

/** The system's error about the file of a key as a {@link StorageError}; any other error as it is. */
export function fileError(error: unknown, access: FileAccess, key: string, path: string): unknown {
  const code = systemCode(error);
  if (error instanceof StorageError || code === undefined) return error;
  const storageCode = codeOf(code, access);
  const reason = storageCode === 'NOT_FOUND' ? REASONS.ENOENT : (REASONS[code] ?? code);
  return new StorageError(storageCode, key, `${path}: ${reason}`, { cause: error });
}

function codeOf(code: string, access: FileAccess): StorageErrorCode {
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'DENIED';
  if (access === 'read' && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR')) return 'NOT_FOUND';
  return 'UNAVAILABLE';
}
