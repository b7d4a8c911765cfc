import { tmpdir } from 'node:os';
import { readAt } from './input-file.js';
import { openNameless } from './nameless-file.js';

/** A stream kept in a file without a name: it is gone with the process, however that ends. */
export interface UnpackedFile {
  readonly bytes: number;
  readonly readRange: (start: number, end: number) => Promise<Uint8Array>;
  readonly remove: () => Promise<void>;
}

/** Keeps a stream in a file in the folder for temporary ones, for a format that is not read from its beginning on. */
export async function unpack(content: AsyncIterable<Uint8Array>): Promise<UnpackedFile> {
  const handle = await openNameless(tmpdir());
  try {
    let bytes = 0;
    for await (const piece of content) {
      await handle.writeFile(piece);
      bytes += piece.byteLength;
    }
    return { bytes, readRange: (start, end) => readAt(handle, start, end), remove: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
