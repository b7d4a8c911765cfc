import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { systemCode } from '../../system-error.js';

/** Maximum size of the unpacked program (bytes): it has about 150 MB. */
const MAX_PROGRAM_BYTES = 600 * 1024 * 1024;

/**
 * Unpacks one file out of a gzipped tar stream into `target`, which must not exist. The system's `tar` writes the file to
 * its standard output, so no path or link in the archive can lead anywhere. Throws if the file is not in the archive or is
 * larger than 600 MB, if the archive is damaged or ends early, and if there is no `tar`.
 */
export async function extractFile(archive: AsyncIterable<Uint8Array>, name: string, target: string): Promise<void> {
  const tar = spawn('tar', ['-xzOf', '-', name], { stdio: ['pipe', 'pipe', 'ignore'] });
  // A `tar` that fails closes its input: its exit code says more than the broken pipe.
  const input = pipeline(archive, tar.stdin).catch((error: unknown) => {
    if (systemCode(error) !== 'EPIPE') throw error;
  });
  const output = pipeline(tar.stdout, limited, createWriteStream(target, { flags: 'wx', mode: 0o755 }));
  try {
    const [[code]] = await Promise.all([once(tar, 'close'), input, output]);
    if (code !== 0) throw new Error(`tar found no whole ${name} in the archive`);
  } finally {
    tar.kill();
  }
}

async function* limited(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of source) {
    bytes += piece.length;
    if (bytes > MAX_PROGRAM_BYTES)
      throw new Error(`the program in the archive is larger than ${MAX_PROGRAM_BYTES} bytes`);
    yield piece;
  }
}
