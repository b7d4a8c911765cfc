import { isAbsolute } from 'node:path';
import type { ResultFormat } from '../batch/output-format.js';
import { replaceFile } from '../storage/files.js';
import type { Storage } from '../storage/storage.js';
import { renderedResults } from './rendered.js';

/** Where results are written once more, and how. */
export interface ResultsCopy {
  readonly output: string;
  readonly format: ResultFormat;
  /** Ends the writing: nothing of it stays. */
  readonly signal?: AbortSignal;
}

/** Writes a run's results in a format, whole or not at all, to an absolute path or a key of storage. Idempotent. */
export async function copyResults(
  storage: Storage,
  run: string,
  { output, format, signal }: ResultsCopy,
): Promise<void> {
  const results = renderedResults(storage, run, format, signal);
  if (isAbsolute(output)) await replaceFile(output, results);
  else await storage.putStream(output, results);
}
