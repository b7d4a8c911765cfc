import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../system-error.js';
import type { AllowedFolders } from './allowed-folders.js';
import { AttachmentError } from './errors.js';
import { HEAD_BYTES, type MediaType, mediaTypeOf, SUPPORTED_FORMATS } from './media.js';
import { checkSize } from './size.js';
import { systemReason } from './system-error.js';

/**
 * Non-blocking: opening a pipe would else wait for somebody to write to it. No link: a real path has none, unless it was
 * changed since. (Windows knows neither flag.)
 */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);

/** A file that may be attached. */
export interface AttachedFile extends MediaType {
  /** Its real path: absolute, with no link on the way. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
}

/** Checks where a file is, what it is and how large it is, from its first bytes. Throws {@link AttachmentError}. */
export async function checkFile(
  name: string,
  text: string,
  folders: AllowedFolders,
  maxBytes: number,
): Promise<AttachedFile> {
  const real = await realPathOf(name, text, folders);
  await folders.check(name, text, real);
  const { bytes, head } = await readHead(name, real, maxBytes);
  const media = await mediaTypeOf(head, path.extname(real));
  if (typeof media === 'object') return { path: real, bytes, ...media };
  const what = media === undefined ? 'is not an image or a sound, whatever its name says' : `is ${media}`;
  throw new AttachmentError('UNSUPPORTED', `${name} ${what}; supported are ${SUPPORTED_FORMATS}`);
}

async function realPathOf(name: string, text: string, folders: AllowedFolders): Promise<string> {
  const written = folders.resolve(text);
  try {
    return await realpath(written);
  } catch (error) {
    // The same answer whether or not there is such a file outside.
    if (!(await folders.coversWritten(written))) throw await folders.forbidden(name, text);
    throw unusable(name, error);
  }
}

async function readHead(name: string, real: string, maxBytes: number): Promise<{ bytes: number; head: Buffer }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(real, OPEN_FLAGS);
    const stats = await handle.stat();
    if (!stats.isFile()) throw notAFile(name, stats.isDirectory() ? 'a directory' : 'a pipe or a device');
    checkSize(name, stats.size, maxBytes);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return { bytes: stats.size, head: buffer.subarray(0, bytesRead) };
  } catch (error) {
    throw error instanceof AttachmentError ? error : unusable(name, error);
  } finally {
    await handle?.close();
  }
}

function notAFile(name: string, what: string): AttachmentError {
  return new AttachmentError('NOT_A_FILE', `${name} is ${what}, not a file`);
}

/** What the system said, as an error of ours. */
function unusable(name: string, error: unknown): AttachmentError {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return new AttachmentError('NOT_FOUND', `${name} does not exist`, { cause: error });
    case 'ENAMETOOLONG':
      return new AttachmentError(
        'MALFORMED',
        `${name} is too long for a path; base64 needs data:image/png;base64, before it`,
      );
    case 'ENXIO':
    case 'ENODEV':
      return notAFile(name, 'a pipe, a socket or a device');
    default:
      return new AttachmentError('UNREADABLE', `${name} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}
