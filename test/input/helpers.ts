import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { AttachmentRules } from '../../src/input/attachments.js';
import { InvalidInputError } from '../../src/input/errors.js';
import { type ScanOptions, type ScanResult, scanInput } from '../../src/input/scan.js';

/** The smallest real PNG: one pixel. */
export const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

/** A WAV of eight silent samples. */
export const WAV = wav(8);

function wav(samples: number): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(8000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples, 40);
  return Buffer.concat([header, Buffer.alloc(samples, 0x80)]);
}

/** An empty folder that goes away with the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'dria-input-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export function rulesFor(folder: string): AttachmentRules {
  return { folder, maxBytes: 20_000_000 };
}

/** Bytes in pieces of a size. */
export async function* inPieces(bytes: Uint8Array, size = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** Scans a text as the file `prompts.jsonl`. */
export function scan(input: string | Uint8Array, options: Partial<ScanOptions> = {}): Promise<ScanResult> {
  const source = inPieces(typeof input === 'string' ? Buffer.from(input) : input);
  const attachments = rulesFor('/nonexistent');
  return scanInput({ source, name: 'prompts.jsonl', attachments, chunkSize: 500, skipInvalid: false, ...options });
}

/** The error with which a scan refuses an input. */
export async function refusal(
  input: string | Uint8Array,
  options: Partial<ScanOptions> = {},
): Promise<InvalidInputError> {
  const error = await scan(input, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof InvalidInputError) return error;
  throw new Error('the scan did not refuse the input', { cause: error });
}

/** A refusal's problems as `line: field: message`. */
export async function problemsOf(
  input: string | Uint8Array,
  options: Partial<ScanOptions> = {},
): Promise<readonly string[]> {
  const { message } = await refusal(input, options);
  return message
    .split('\n')
    .filter((line) => line.startsWith('prompts.jsonl:'))
    .map((line) => line.slice('prompts.jsonl:'.length));
}

/** All that a generator gives. (Array.fromAsync is not in Node 20.) */
export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}
