import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';

/** Size from which the log starts anew, in bytes. */
const MAX_LOG_BYTES = 8 * 1024 * 1024;

/** Bytes of the log's end that go into an error message. */
const TAIL_BYTES = 2_000;

/** Opens the log for appending; empties it first when it has grown too large. The caller closes the descriptor. */
export function openServerLog(path: string): number {
  const descriptor = openSync(path, 'a', 0o600);
  trimServerLog(descriptor);
  return descriptor;
}

/** Empties an open log that has grown too large: all its writers append, so none of them leaves a hole. */
export function trimServerLog(descriptor: number): void {
  if (fstatSync(descriptor).size > MAX_LOG_BYTES) ftruncateSync(descriptor);
}

/** How much is in the log now; what {@link readLogSince} starts from. 0 when there is none. */
export function logSize(path: string): number {
  return withLog(path, (descriptor) => fstatSync(descriptor).size) ?? 0;
}

/** The end of what was logged after `start` bytes: at most 2,000 bytes, trimmed. Empty when there is no log. */
export function readLogSince(path: string, start: number): string {
  const text = withLog(path, (descriptor) => {
    const { size } = fstatSync(descriptor);
    const from = Math.max(Math.min(start, size), size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - from);
    readSync(descriptor, buffer, 0, buffer.length, from);
    return buffer.toString('utf8').trim();
  });
  return text ?? '';
}

function withLog<T>(path: string, use: (descriptor: number) => T): T | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    return use(descriptor);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
