import { randomBytes } from 'node:crypto';
import * as sdk from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createS3Client } from '../../src/storage/s3-client.js';
import { parseS3Root } from '../../src/storage/s3-location.js';
import { S3Storage } from '../../src/storage/s3-storage.js';
import { StorageError, type StorageErrorCode } from '../../src/storage/storage.js';
import { S3Server, s3Program } from '../support/s3-server.js';

const program = s3Program();

/** What the requests of an upload in parts have in their path, but the one that begins it. */
const UPLOAD = 'uploadId=';

describe.skipIf(program === undefined)('storage on S3', { timeout: 60_000 }, () => {
  let server: S3Server;
  let client: sdk.S3Client;
  beforeAll(async () => {
    server = await S3Server.start(program ?? '');
    use(server.env);
    client = await createS3Client(sdk, process.env);
  }, 120_000);
  afterEach(() => server.link.disturb());
  afterAll(async () => {
    client.destroy();
    await server.close();
  });

  let roots = 0;
  const open = (env: Record<string, string> = {}): S3Storage =>
    new S3Storage(parseS3Root(server.root(`root-${++roots}/a b`)), { ...use(server.env), ...env });

  /** The SDK reads the settings from the process. */
  function use(env: Record<string, string>): Record<string, string> {
    Object.assign(process.env, env);
    return env;
  }

  /** What is left of uploads that did not come to their end. */
  async function uploads({ root }: S3Storage, key: string): Promise<readonly sdk.MultipartUpload[]> {
    const { bucket, prefix } = parseS3Root(root);
    const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: bucket }));
    return Uploads.filter(({ Key }) => Key === `${prefix}${key}`);
  }

  describe('an object', () => {
    it('comes back as it was written, by bytes, text or stream', async () => {
      const store = open();
      await store.put('a/b/c', 'täxt');
      await store.put('a/bytes', Uint8Array.of(0, 255, 10));
      await store.putStream('a/stream', pieces('one', 'zwö', ''));
      await store.put('a/empty', '');
      await store.putStream('a/nothing', pieces());
      expect(text(await store.get('a/b/c'))).toBe('täxt');
      expect([...(await store.get('a/bytes'))]).toEqual([0, 255, 10]);
      expect(text(await collect(store, 'a/stream'))).toBe('onezwö');
      expect([await store.size('a/b/c'), await store.size('a/empty'), await store.size('a/nothing')]).toEqual([
        5, 0, 0,
      ]);
    });

    it('that is to be new is written by one of several writers at once', async () => {
      const store = open();
      const made = await Promise.all(['a', 'bb', 'ccc'].map((content) => store.putNew('new/key', content)));
      expect(made.filter(Boolean)).toHaveLength(1);
      expect(await store.size('new/key')).toBe(made.indexOf(true) + 1);
      expect(await store.putNew('new/key', 'again')).toBe(false);
    });

    it('of many parts comes back whole', async () => {
      const store = open();
      const block = randomBytes(1 << 20);
      await store.putStream('large', repeat(block, 21));
      expect(await store.size('large')).toBe(21 << 20);
      expect((await collect(store, 'large')).equals(Buffer.concat(new Array(21).fill(block)))).toBe(true);
      expect(server.link.seen.filter((line) => line.includes('/large?') && line.startsWith('PUT'))).toHaveLength(3);
    });

    it('that is not there is not found and has no size', async () => {
      const store = open();
      expect((await failure(store.get('none'))).code).toBe('NOT_FOUND');
      expect((await failure(store.stream('none'))).code).toBe('NOT_FOUND');
      expect((await failure(store.getRange('none', 0, 1))).code).toBe('NOT_FOUND');
      expect((await failure(store.getRange('none', 1, 1))).code).toBe('NOT_FOUND');
      expect(await store.size('none')).toBeUndefined();
      expect((await failure(store.get('none'))).message).toBe(`${store.root}/none: there is no such object`);
      await store.removeAll('none/');
    });
  });

  it.each<[number, number, string]>([
    [0, 10, '0123456789'],
    [3, 5, '34'],
    [0, 0, ''],
    [8, 400, '89'],
    [10, 11, ''],
    [99, 120, ''],
    [5, 3, ''],
  ])('gives the range from %i to %i as "%s"', async (start, end, expected) => {
    const store = open();
    await store.put('key', '0123456789');
    expect(text(await store.getRange('key', start, end))).toBe(expected);
  });

  it('lists what begins with a prefix, more than a page of it, and removes that alone', async () => {
    const store = open();
    const keys = Array.from({ length: 1_050 }, (_, number) => `many/${number}`);
    for (let from = 0; from < keys.length; from += 50) {
      await Promise.all(keys.slice(from, from + 50).map((key) => store.put(key, '')));
    }
    await store.put('manyother', '');
    expect((await store.list('many/')).sort()).toEqual([...keys].sort());
    expect((await store.list('many/104')).sort()).toEqual(keys.filter((key) => key.startsWith('many/104')).sort());
    await store.removeAll('many/');
    expect(await store.list('')).toEqual(['manyother']);
  });

  describe('a write whose source breaks', () => {
    it.each([1, 20])('after %i MB leaves nothing, and its own error', async (megabytes) => {
      const store = open();
      const broken = new Error('the source broke');
      const source = async function* () {
        yield* repeat(randomBytes(1 << 20), megabytes);
        throw broken;
      };
      await expect(store.putStream('key', source())).rejects.toBe(broken);
      expect(await store.size('key')).toBeUndefined();
      expect(await uploads(store, 'key')).toEqual([]);
    });
  });

  describe('an upload in parts', () => {
    const block = randomBytes(1 << 20);

    const whole = Buffer.concat(new Array(20).fill(block));

    it.each([
      ['to which it has nothing to say the second time', []],
      ['which it does not know the second time', [{ method: 'POST', path: UPLOAD, kind: 'no-such-upload', times: 1 }]],
    ] as const)('is done when the answer to its end is lost, %s', async (_how, second) => {
      const store = open();
      server.link.disturb({ method: 'POST', path: UPLOAD, kind: 'unanswered', times: 1 }, ...second);
      const seen = server.link.seen.length;
      await store.putStream('key', repeat(block, 20));
      expect(server.link.left).toBe(0);
      expect((await collect(store, 'key')).equals(whole)).toBe(true);
      const sent = server.link.seen.slice(seen).filter((line) => line.includes('partNumber='));
      expect(sent).toHaveLength(3);
    });

    it.each(['PUT', 'POST'])(
      'that the store has given up can be done again, also where an object of its size is there: %s',
      async (method) => {
        const store = open();
        await store.put('key', new Uint8Array(20 << 20));
        server.link.disturb({ method, path: UPLOAD, kind: 'no-such-upload', times: 1 });
        const error = await failure(store.putStream('key', repeat(block, 20)));
        expect([error.code, error.isForGood]).toEqual(['UNAVAILABLE', false]);
        expect(error.message).toBe(`${store.root}/key: the upload was given up there`);
        expect(await uploads(store, 'key')).toEqual([]);
        await store.putStream('key', repeat(block, 20));
        expect((await collect(store, 'key')).equals(whole)).toBe(true);
      },
    );
  });

  describe('a disturbed connection', () => {
    it.each([
      ['an error of the server', 'status-500', 'GET'],
      ['a slow answer', 'slow', 'GET'],
    ] as const)('is got over by a read: %s', async (_name, kind, method) => {
      const store = open();
      await store.put('key', 'x'.repeat(5000));
      server.link.disturb({ method, path: '/key', kind, times: 1 });
      expect(text(await store.get('key'))).toBe('x'.repeat(5000));
      expect(server.link.left).toBe(0);
    });

    it('that cuts an answer never gives a part for the whole', async () => {
      const store = open();
      await store.put('key', 'x'.repeat(500_000));
      server.link.disturb({ method: 'GET', path: '/key', kind: 'cut', times: 1 });
      expect((await failure(store.get('key'))).code).toBe('UNAVAILABLE');
      expect((await store.get('key')).byteLength).toBe(500_000);
    });

    it('that cuts a stream again and again is taken up where it ended', async () => {
      const store = open();
      const content = randomBytes(300_000);
      await store.put('key', content);
      server.link.disturb({ method: 'GET', path: '/key', kind: 'cut', times: 7 });
      expect((await collect(store, 'key')).equals(content)).toBe(true);
      expect(server.link.left).toBe(0);
    });

    it('ends a stream of an object that was replaced meanwhile', async () => {
      const store = open();
      await store.put('key', 'a'.repeat(300_000));
      server.link.disturb({ method: 'GET', path: '/key', kind: 'cut', times: 1 });
      const stream = await store.stream('key');
      await store.put('key', 'b'.repeat(300_000));
      await expect(stream.toArray()).rejects.toThrow(StorageError);
    });

    it.each(['status-500', 'cut'] as const)('is got over by a write: %s', async (kind) => {
      const store = open();
      server.link.disturb({ method: 'PUT', path: '/key', kind, times: 1 });
      await store.put('key', 'y'.repeat(200_000));
      expect(await store.size('key')).toBe(200_000);
      expect(server.link.left).toBe(0);
    });

    it('that stays ends as unavailable, and leaves nothing', async () => {
      const store = open();
      server.link.disturb({ method: 'PUT', path: '/key', kind: 'status-500', times: 99 });
      const error = await failure(store.put('key', 'y'));
      server.link.disturb();
      expect([error.code, error.message]).toEqual(['UNAVAILABLE', expect.stringContaining('500')]);
      expect(await store.size('key')).toBeUndefined();
    });
  });

  describe('a check', () => {
    it('passes for a bucket that can be used', async () => {
      await open().check();
    });

    it.each<[string, string, Record<string, string>, StorageErrorCode, RegExp]>([
      ['no such bucket', 's3://not-there/x', {}, 'DENIED', /there is no such bucket/],
      [
        'a wrong secret',
        's3://runs',
        { AWS_SECRET_ACCESS_KEY: 'wrong' },
        'DENIED',
        /access denied|secret key is wrong/,
      ],
      ['nobody there', 's3://runs', { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }, 'UNAVAILABLE', /connection refused/],
    ])('tells of %s', async (_name, root, env, code, words) => {
      const before = { ...process.env };
      use({ ...server.env, ...env });
      const error = await failure(new S3Storage(parseS3Root(root), { ...process.env }).check());
      Object.assign(process.env, before);
      expect([error.code, error.message]).toEqual([code, expect.stringMatching(words)]);
      expect(error.message).not.toContain(server.env.AWS_SECRET_ACCESS_KEY);
    });
  });
});

describe('a root on S3', () => {
  it.each([
    ['s3://bucket', 'bucket', ''],
    ['s3://bucket/', 'bucket', ''],
    ['s3://my.bucket-1/a/b', 'my.bucket-1', 'a/b/'],
    ['s3://bucket//a//b/', 'bucket', 'a/b/'],
  ])('%s is read', (root, bucket, prefix) => {
    expect(parseS3Root(root)).toEqual({ bucket, prefix });
  });

  it.each(['s3://', 's3:bucket', 's3://B', 's3://bucket/../x', 'S3://bucket', 's3://user:pw@host/x'])(
    '%s is refused',
    (root) => {
      expect(() => parseS3Root(root)).toThrow(RangeError);
    },
  );
});

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8');

async function collect(store: S3Storage, key: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of await store.stream(key)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* pieces(...parts: readonly string[]): AsyncGenerator<string> {
  yield* parts;
}

async function* repeat(block: Uint8Array, times: number): AsyncGenerator<Uint8Array> {
  for (let time = 0; time < times; time++) yield block;
}

/** The error of a call, which must be a storage's. */
async function failure(call: Promise<unknown>): Promise<StorageError> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof StorageError) return error;
  throw new Error('no StorageError', { cause: error });
}
