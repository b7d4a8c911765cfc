import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readlink, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { systemCode } from '../system-error.js';
import type { AllowedFolders } from './allowed-folders.js';
import type { AttachmentStamp } from './attachment-stamps.js';
import { AttachmentError } from './errors.js';
import { HEAD_BYTES, type MediaType, mediaTypeOf, SUPPORTED_FORMATS } from './media.js';
import { checkSize } from './size.js';
import { systemReason } from './system-error.js';

/** macOS: no link in any place of the path. Node has no name for it. */
const O_NOFOLLOW_ANY = 0x2000_0000;

/**
 * Non-blocking: opening a pipe would else wait for somebody to write to it. No link: a real path has none, unless it was
 * changed since. (Windows has neither flag.)
 */
const OPEN_FLAGS =
  constants.O_RDONLY |
  (constants.O_NONBLOCK ?? 0) |
  (process.platform === 'darwin' ? O_NOFOLLOW_ANY : (constants.O_NOFOLLOW ?? 0));

/** Bytes of one read of an attachment. */
const READ_BYTES = 256 << 10;

/** A file that may be attached. */
export interface AttachedFile extends MediaType, AttachmentStamp {
  /** Its real path: absolute, with no link on the way. */
  readonly path: string;
  /** Opens its content. Throws {@link AttachmentError} if it is no longer the file that was checked. */
  open(): Promise<Readable>;
}

/** Checks where a file is, what it is and how large it is, from its first bytes. Throws {@link AttachmentError}. */
export async function checkFile(
  name: string,
  text: string,
  folders: AllowedFolders,
  maxBytes: number,
): Promise<AttachedFile> {
  return await withFile(name, text, folders, async (handle, real) => {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw notAFile(name, stats.isDirectory() ? 'a directory' : 'a pipe or a device');
    checkSize(name, Number(stats.size), maxBytes);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0);
    const media = await mediaTypeOf(buffer.subarray(0, bytesRead), path.extname(real));
    if (typeof media !== 'object') throw unsupported(name, media);
    const content = () => openChecked(name, text, folders, stats);
    return { path: real, bytes: Number(stats.size), modifiedMs: modifiedMs(stats), ...media, open: content };
  });
}

/** Opens a file again and reads it by the very handle that was found to be the checked one. */
async function openChecked(name: string, text: string, folders: AllowedFolders, checked: BigIntStats) {
  const { handle } = await openAllowed(name, text, folders);
  try {
    if (!isSameState(await handle.stat({ bigint: true }), checked)) throw changed(name);
    return handle.createReadStream({ highWaterMark: READ_BYTES });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function withFile<T>(
  name: string,
  text: string,
  folders: AllowedFolders,
  use: (handle: FileHandle, real: string) => Promise<T>,
): Promise<T> {
  const { handle, real } = await openAllowed(name, text, folders);
  try {
    return await use(handle, real);
  } catch (error) {
    throw error instanceof AttachmentError ? error : unusable(name, error);
  } finally {
    await handle.close();
  }
}

interface OpenedFile {
  readonly handle: FileHandle;
  readonly real: string;
}

/** Opens a file under an allowed folder. What was opened is looked at, not its path, which may lead elsewhere by now. */
async function openAllowed(name: string, text: string, folders: AllowedFolders): Promise<OpenedFile> {
  const real = await realPathOf(name, text, folders);
  await folders.check(name, text, real);
  const handle = await open(real, OPEN_FLAGS).catch((error: unknown) => {
    throw systemCode(error) === 'ELOOP' ? changed(name) : unusable(name, error);
  });
  try {
    if (!(await isAt(handle, real))) throw changed(name);
    return { handle, real };
  } catch (error) {
    await handle.close();
    throw error instanceof AttachmentError ? error : unusable(name, error);
  }
}

/** Returns true if an opened file lies at a path, and not where a link that was put on the way has led. */
async function isAt(handle: FileHandle, real: string): Promise<boolean> {
  if (process.platform === 'linux') {
    const opened = await readlink(`/proc/self/fd/${handle.fd}`).catch(() => undefined);
    if (opened !== undefined) return opened === real;
  }
  // On macOS the flag has ruled links out; elsewhere (and without /proc) this is as much as can be known.
  if ((await realpath(real)) !== real) return false;
  const [here, there] = await Promise.all([handle.stat({ bigint: true }), stat(real, { bigint: true })]);
  return here.ino === there.ino && here.dev === there.dev;
}

function isSameState(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeNs === b.mtimeNs;
}

function modifiedMs({ mtimeNs }: BigIntStats): number {
  return Number(mtimeNs) / 1e6;
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

function changed(name: string): AttachmentError {
  return new AttachmentError('CHANGED', `${name} changed while it was read`);
}

function unsupported(name: string, media: string | undefined): AttachmentError {
  const what = media === undefined ? 'is not an image, a sound or a PDF, whatever its name says' : `is ${media}`;
  return new AttachmentError('UNSUPPORTED', `${name} ${what}; supported are ${SUPPORTED_FORMATS}`);
}

function notAFile(name: string, what: string): AttachmentError {
  return new AttachmentError('NOT_A_FILE', `${name} is ${what}, not a file`);
}

/** The system's error as one of ours. That this process has no file handle left says nothing of the attachment. */
function unusable(name: string, error: unknown): unknown {
  switch (systemCode(error)) {
    case 'EMFILE':
    case 'ENFILE':
      return error;
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
