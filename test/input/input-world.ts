import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ReadOptions } from '../../src/batch/read-options.js';
import { InputError } from '../../src/input/errors.js';
import { type InputFile, pipeFile } from '../../src/input/input-file.js';
import { detectFiles } from '../../src/input/open-input.js';
import { type ScanResult, scanInput } from '../../src/input/scan.js';

/** A file in memory, in a folder that is not there; it is read in pieces of so many bytes. */
export function fileOf(name: string, content: string | Uint8Array, pieceBytes = 1 << 16): InputFile {
  const bytes = Buffer.from(content);
  return {
    name,
    identity: name,
    folder: path.resolve('/nonexistent', path.dirname(name)),
    bytes: bytes.length,
    stream: () => pieces(bytes, pieceBytes),
    readRange: async (start, end) => bytes.subarray(start, end),
    checkUnchanged: async () => undefined,
  };
}

/** The same as it comes through a pipe. */
export function pipeOf(content: string | Uint8Array, pieceBytes = 1 << 16): InputFile {
  return pipeFile(pieces(Buffer.from(content), pieceBytes), 'standard input', '/nonexistent');
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield Buffer.from(bytes.subarray(at, at + size));
}

/** Returns what becomes of files: one stream of JSONL. */
export async function converted(files: readonly InputFile[], options: ReadOptions = {}): Promise<string> {
  const opened = await detectFiles(files, options, []);
  return (await buffer(opened.read().source)).toString('utf8');
}

/** Returns the records of one file. */
export async function recordsOf(file: InputFile, options: ReadOptions = {}): Promise<unknown[]> {
  const text = await converted([file], options);
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line): unknown => JSON.parse(line));
}

/** Scans files as a run does. */
export async function scanned(
  files: readonly InputFile[],
  options: ReadOptions = {},
  skipInvalid = false,
): Promise<ScanResult> {
  const opened = await detectFiles(files, options, []);
  return await scanInput({
    ...opened.read(),
    name: files.map(({ name }) => name).join(', '),
    attachments: { folder: opened.folders[0] ?? '/nonexistent', roots: opened.folders.slice(1), maxBytes: 1e6 },
    chunkSize: 1000,
    skipInvalid,
  });
}

/** Returns the message of the error that files end with. */
export async function refusalOf(files: readonly InputFile[], options: ReadOptions = {}): Promise<string> {
  try {
    await scanned(files, options);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
