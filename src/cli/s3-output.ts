import { STORED_PREFIXES } from '../batch/run.js';
import { openStorage } from '../storage/open-storage.js';
import { isS3Root } from '../storage/s3-location.js';
import type { Storage } from '../storage/storage.js';
import { UserError } from './errors.js';
import type { Places } from './places.js';

/** An output in a bucket. */
interface S3Output {
  readonly bucket: Storage;
  readonly key: string;
}

/** Returns true for an output that is named as an object of a bucket. */
export function isS3Output(output: string): boolean {
  return isS3Root(output);
}

/**
 * Checks that an output can be in its bucket, without writing anything. Throws a `UserError` for a name that no object has, an
 * object of runs, and a bucket that cannot be reached.
 */
export async function checkS3Output(
  output: string,
  places: Places | undefined,
  env?: NodeJS.ProcessEnv,
): Promise<void> {
  const { bucket, key } = placeOf(output, env);
  if (places !== undefined && isOfRuns(`${bucket.root}/${key}`, places.storage)) {
    refuse(`the output ${output} is where runs are kept`, 'Name an object elsewhere.');
  }
  try {
    await bucket.check();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    refuse(
      `the output ${output} cannot be written: ${reason}`,
      'Check the name of the bucket and the AWS_* settings.',
      error,
    );
  }
}

/** Returns true for an output whose object is there and has something in it. */
export async function hasOldS3Output(output: string, env?: NodeJS.ProcessEnv): Promise<boolean> {
  const { bucket, key } = placeOf(output, env);
  return ((await bucket.size(key)) ?? 0) > 0;
}

/** Writes an object, whole or not at all. Throws what the storage throws, and the reason of an interrupt. */
export async function writeS3Output(
  output: string,
  source: AsyncIterable<Uint8Array>,
  interrupt: AbortSignal,
  env?: NodeJS.ProcessEnv,
): Promise<void> {
  const { bucket, key } = placeOf(output, env);
  await bucket.putStream(key, until(interrupt, source));
}

async function* until(interrupt: AbortSignal, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    interrupt.throwIfAborted();
    yield piece;
  }
}

function placeOf(output: string, env: NodeJS.ProcessEnv = process.env): S3Output {
  const match = /^(s3:\/\/[^/]+)\/(.+)$/i.exec(output);
  const [, root = '', key = ''] = match ?? [];
  const parts = key.split('/');
  if (match === null || parts.some((part) => part === '' || part === '.' || part === '..')) {
    refuse(`the output ${output} names no object`, 'Give s3://bucket/key, as in s3://bucket/answers/results.jsonl.');
  }
  try {
    return { bucket: openStorage(root, env), key };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    refuse(
      `the output ${output} names no bucket`,
      'Give s3://bucket/key, as in s3://bucket/answers/results.jsonl.',
      error,
    );
  }
}

function isOfRuns(object: string, { root }: Storage): boolean {
  return STORED_PREFIXES.some((prefix) => object.startsWith(`${root}/${prefix}/`));
}

function refuse(message: string, hint: string, cause?: unknown): never {
  throw new UserError(message, { exitCode: 2, hint, cause });
}
