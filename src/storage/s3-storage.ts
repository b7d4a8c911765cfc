import { Readable } from 'node:stream';
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { S3Appender } from './s3-appender.js';
import { createS3Client } from './s3-client.js';
import { s3Error } from './s3-errors.js';
import { type S3Location, s3RootOf } from './s3-location.js';
import { readThrough, type S3Body } from './s3-read.js';
import { type S3Connection, type S3Object, uploadStream } from './s3-upload.js';
import { type Appender, type Storage, StorageError } from './storage.js';

/** Keys that one request may delete. */
const DELETED_AT_ONCE = 1000;

/** Objects in a bucket of S3, or of what speaks it. A PUT leaves the whole object or nothing. */
export class S3Storage implements Storage {
  readonly root: string;
  readonly growsInPlace = false;
  #connection: Promise<S3Connection> | undefined;

  constructor(
    private readonly location: S3Location,
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.root = s3RootOf(location);
  }

  async check(): Promise<void> {
    await this.call('', async ({ sdk, client }) => {
      await client.send(new sdk.HeadBucketCommand({ Bucket: this.location.bucket })).catch((error: unknown) => {
        // A HEAD says "not found" without saying what: here it can only be the bucket.
        if (error instanceof Error && error.name === 'NotFound') error.name = 'NoSuchBucket';
        throw error;
      });
    });
  }

  async put(key: string, content: string | Uint8Array): Promise<void> {
    const Body = typeof content === 'string' ? Buffer.from(content) : content;
    await this.call(key, ({ sdk, client }) => client.send(new sdk.PutObjectCommand({ ...this.at(key), Body })));
  }

  async putNew(key: string, content: string | Uint8Array): Promise<boolean> {
    const Body = typeof content === 'string' ? Buffer.from(content) : content;
    return await this.call(key, async ({ sdk, client }) => {
      try {
        await client.send(new sdk.PutObjectCommand({ ...this.at(key), Body, IfNoneMatch: '*' }));
        return true;
      } catch (error) {
        const name = error instanceof Error ? error.name : '';
        // It is there, or another PUT of it is under way.
        if (name === 'PreconditionFailed' || name === 'ConditionalRequestConflict') return false;
        if (name !== 'NotImplemented') throw error;
      }
      // A store without conditions: of two writers at the same moment both may get true.
      if ((await this.size(key)) !== undefined) return false;
      await this.put(key, content);
      return true;
    });
  }

  async putStream(key: string, content: AsyncIterable<Uint8Array | string>): Promise<void> {
    let broken: { readonly error: unknown } | undefined;
    const source = Readable.from(
      asBytes(content, (error) => {
        broken = { error };
      }),
      { objectMode: false },
    );
    try {
      await this.call(key, (connection) => uploadStream(connection, this.at(key), source));
    } catch (error) {
      // What the source threw is no matter of this storage.
      throw broken === undefined ? error : broken.error;
    } finally {
      source.destroy();
    }
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.call(key, async () => await wholeBody(await this.open(key)));
  }

  async getRange(key: string, start: number, end: number): Promise<Uint8Array> {
    // S3 has no empty ranges; a look at the object says whether it is there.
    if (end <= start) {
      if ((await this.size(key)) === undefined) throw this.missing(key);
      return new Uint8Array();
    }
    return await this.call(key, async () => {
      try {
        return await wholeBody(await this.open(key, `bytes=${start}-${end - 1}`));
      } catch (error) {
        if (error instanceof Error && error.name === 'InvalidRange') return new Uint8Array();
        throw error;
      }
    });
  }

  async stream(key: string): Promise<Readable> {
    const first = bodyOf(await this.call(key, () => this.open(key)));
    const openFrom = async (start: number, etag: string | undefined): Promise<S3Body> =>
      bodyOf(await this.open(key, `bytes=${start}-`, etag));
    const place = this.place(key);
    const bytes = async function* () {
      try {
        yield* readThrough(first, openFrom);
      } catch (error) {
        throw s3Error(error, key, place);
      }
    };
    return Readable.from(bytes(), { objectMode: false });
  }

  async size(key: string): Promise<number | undefined> {
    try {
      return await this.call(key, async ({ sdk, client }) => {
        const { ContentLength = 0 } = await client.send(new sdk.HeadObjectCommand(this.at(key)));
        return ContentLength;
      });
    } catch (error) {
      if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  async list(prefix: string): Promise<string[]> {
    return await this.call(prefix, async ({ sdk, client }) => {
      const { bucket, prefix: root } = this.location;
      const keys: string[] = [];
      for await (const page of sdk.paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${root}${prefix}` })) {
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key.slice(root.length));
      }
      return keys;
    });
  }

  async removeAll(prefix: string): Promise<void> {
    await this.removeKeys(prefix, await this.list(prefix));
  }

  async remove(keys: readonly string[]): Promise<void> {
    await this.removeKeys(keys[0] ?? '', keys);
  }

  openAppend(key: string): Appender {
    return new S3Appender((name, content) => this.put(name, content), key);
  }

  /** Removes objects; `place` is what an error names. */
  private async removeKeys(place: string, keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += DELETED_AT_ONCE) {
      await this.removeSome(place, keys.slice(from, from + DELETED_AT_ONCE));
    }
  }

  private async removeSome(place: string, keys: readonly string[]): Promise<void> {
    await this.call(place, async ({ sdk, client }) => {
      const { bucket, prefix: root } = this.location;
      const Objects = keys.map((key) => ({ Key: `${root}${key}` }));
      const { Errors = [] } = await client.send(
        new sdk.DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
      );
      const [first] = Errors;
      if (first !== undefined) throw Object.assign(new Error(first.Message ?? 'not removed'), { name: first.Code });
    });
  }

  private async open(key: string, range?: string, etag?: string): Promise<GetObjectCommandOutput> {
    const { sdk, client } = await this.connection();
    return await client.send(
      new sdk.GetObjectCommand({
        ...this.at(key),
        ...(range === undefined ? {} : { Range: range }),
        ...(etag === undefined ? {} : { IfMatch: etag }),
      }),
    );
  }

  private at(key: string): S3Object {
    if (key === '') throw new StorageError('DENIED', key, `an empty key is no object of ${this.root}`);
    return { Bucket: this.location.bucket, Key: `${this.location.prefix}${key}` };
  }

  private place(key: string): string {
    return key === '' ? this.root : `${this.root}/${key}`;
  }

  private missing(key: string): StorageError {
    return new StorageError('NOT_FOUND', key, `${this.place(key)}: there is no such object`);
  }

  private connection(): Promise<S3Connection> {
    this.#connection ??= connect(this.env);
    return this.#connection;
  }

  private async call<T>(key: string, action: (connection: S3Connection) => Promise<T>): Promise<T> {
    try {
      return await action(await this.connection());
    } catch (error) {
      throw s3Error(error, key, this.place(key));
    }
  }
}

async function connect(env: NodeJS.ProcessEnv): Promise<S3Connection> {
  // Its word on the age of Node is for us, who pin the SDK's version, and not for whoever runs a batch.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const sdk = await import('@aws-sdk/client-s3');
  return { sdk, client: await createS3Client(sdk, env) };
}

async function* asBytes(
  content: AsyncIterable<Uint8Array | string>,
  onError: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of content) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** The bytes of an answer, all of them: a body that ends early is an error, never an object. */
async function wholeBody({ Body, ContentLength }: GetObjectCommandOutput): Promise<Uint8Array> {
  const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  if (ContentLength === undefined || bytes.byteLength === ContentLength) return bytes;
  throw new Error(`the connection ended early: ${bytes.byteLength} of ${ContentLength} bytes came`);
}

function bodyOf({ Body, ContentLength = 0, ContentRange, ETag }: GetObjectCommandOutput): S3Body {
  if (!(Body instanceof Readable)) throw new Error('the answer has no body');
  // It may break before anybody reads it: whoever reads is told then.
  Body.on('error', () => undefined);
  const size = ContentRange === undefined ? ContentLength : Number(ContentRange.split('/')[1]);
  return { bytes: Body, size, etag: ETag };
}
