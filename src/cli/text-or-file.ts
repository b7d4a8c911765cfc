import { addAbortSignal } from 'node:stream';
import { UserError } from './errors.js';
import { openForReading } from './special-file.js';

/** Maximum size of a file that a flag names, bytes. */
const MAX_BYTES = 5_000_000;

/** Returns a flag's value, or what is in the file that it names as `@file`. Throws a `UserError` that names the flag. */
export async function textOrFile(flag: string, value: string, interrupt: AbortSignal): Promise<string> {
  return value.startsWith('@') ? await readText(flag, value.slice(1), interrupt) : value;
}

/** What is said of a file that cannot be taken, behind its path. */
interface FileLimits {
  /** Maximum size, bytes. */
  readonly maxBytes: number;
  readonly tooLarge: string;
  readonly unreadable: string;
}

/** Reads a file that a flag names. Throws a `UserError` that names the flag and the file. */
export async function readText(flag: string, path: string, interrupt: AbortSignal): Promise<string> {
  const limits = { maxBytes: MAX_BYTES, tooLarge: 'is larger than 5 MB', unreadable: 'cannot be read' };
  return (await readBytes(flag, path, interrupt, limits)).toString('utf8');
}

/** Reads the bytes of a file that a flag names, as {@link readText} does, with a limit and words of the caller's. */
export async function readBytes(
  flag: string,
  path: string,
  interrupt: AbortSignal,
  { maxBytes, tooLarge, unreadable }: FileLimits,
): Promise<Buffer> {
  try {
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of addAbortSignal(interrupt, await openForReading(path))) {
      pieces.push(Buffer.from(piece));
      bytes += pieces.at(-1)?.length ?? 0;
      if (bytes > maxBytes) throw new UserError(`${flag}: ${path} ${tooLarge}`, { exitCode: 2 });
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof UserError) throw error;
    interrupt.throwIfAborted();
    throw new UserError(`${flag}: ${path} ${unreadable}`, { exitCode: 2, cause: error });
  }
}
