import {
  close as closeFd,
  constants,
  createReadStream,
  createWriteStream,
  fstat as fstatFd,
  open as openFd,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { promisify } from 'node:util';
import { systemCode } from '../system-error.js';

// A pipe or a terminal with nobody at its other end holds the thread that opens, reads or writes it, and a process with
// such a thread cannot exit. So these are opened without waiting, and read and written by the event loop.

const open = promisify(openFd);
const close = promisify(closeFd);
const fstat = promisify(fstatFd);

/** 0 on Windows, where nothing of this kind has a path. */
const NO_WAIT = (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Time between two attempts to open a pipe that nobody reads yet, ms. */
const READER_MS = 100;

/** Opens a pipe, a terminal or a device for reading. Its end comes when the last writer has closed it. */
export async function openForReading(path: string): Promise<Readable> {
  const fd = await open(path, constants.O_RDONLY | NO_WAIT);
  if (isatty(fd)) return new ReadStream(fd);
  if (await isPipe(fd)) return new Socket({ fd, readable: true, writable: false });
  return createReadStream('', { fd });
}

/** Opens a pipe, a terminal or a device for writing, a pipe as soon as somebody reads it. Throws the signal's reason if it is aborted before. */
export async function openForWriting(path: string, signal: AbortSignal): Promise<Writable> {
  const fd = await openWithReader(path, signal);
  if (isatty(fd)) return new WriteStream(fd);
  if (await isPipe(fd)) return new Socket({ fd, readable: false, writable: true });
  return createWriteStream('', { fd });
}

async function openWithReader(path: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await open(path, constants.O_WRONLY | constants.O_APPEND | NO_WAIT);
    } catch (error) {
      // A pipe without a reader, and other things: only a pipe may get one.
      if (systemCode(error) !== 'ENXIO' || !(await leadsToPipe(path))) throw error;
    }
    await delay(READER_MS, undefined, { signal }).catch(() => undefined);
  }
}

async function leadsToPipe(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFIFO() === true;
}

async function isPipe(fd: number): Promise<boolean> {
  try {
    return (await fstat(fd)).isFIFO();
  } catch (error) {
    await close(fd);
    throw error;
  }
}
