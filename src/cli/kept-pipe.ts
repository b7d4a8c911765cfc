import type { InputFile } from '../input/input-file.js';
import type { Spool } from './spool.js';

/** Keeps all that comes through a pipe. Returns it as a file that can be read more than once. */
export async function keptPipe(pipe: InputFile, spool: Spool): Promise<InputFile> {
  let bytes = 0;
  for await (const piece of spool.fill(pipe.stream(), pipe.name, false)) bytes += piece.byteLength;
  return {
    ...pipe,
    bytes,
    stream: () => spool.read(),
    readRange: async (start, end) => Buffer.concat(await spool.read(start, end).toArray()),
  };
}
