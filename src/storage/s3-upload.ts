import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3Sdk } from './s3-client.js';

/** Bytes of a part of an upload, and parts under way at once. S3 takes 10,000 parts: objects up to 80 GB. */
const PART_BYTES = 8 << 20;
const PARTS_AT_ONCE = 4;

/** The metadata of an object that says which upload it is of. */
const UPLOAD_MARK = 'dria-upload';

/** The SDK with a client of it. */
export interface S3Connection {
  readonly sdk: S3Sdk;
  readonly client: S3Client;
}

/** The name of an object as the store knows it. */
export interface S3Object {
  readonly Bucket: string;
  readonly Key: string;
}

/** Writes an object from a stream, a large one in parts. Where it fails, what was sent is removed. */
export async function uploadStream(connection: S3Connection, at: S3Object, source: Readable): Promise<void> {
  const { Upload } = await import('@aws-sdk/lib-storage');
  const mark = randomUUID();
  const params = { ...at, Body: source, Metadata: { [UPLOAD_MARK]: mark } };
  try {
    await new Upload({ client: connection.client, params, partSize: PART_BYTES, queueSize: PARTS_AT_ONCE }).done();
  } catch (error) {
    // When the answer to the end of an upload is lost, the SDK asks again: some stores then know the upload no more.
    if (!isNoSuchUpload(error) || !(await isOfUpload(connection, at, mark))) throw error;
  }
}

function isNoSuchUpload(error: unknown): boolean {
  return error instanceof Error && error.name === 'NoSuchUpload';
}

/** Whether an object is there and of this upload: one that was there before may be of the same size. */
async function isOfUpload({ sdk, client }: S3Connection, at: S3Object, mark: string): Promise<boolean> {
  const found = await client.send(new sdk.HeadObjectCommand(at)).catch(() => undefined);
  return found?.Metadata?.[UPLOAD_MARK] === mark;
}
