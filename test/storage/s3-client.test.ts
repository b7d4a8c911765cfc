import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createS3Client } from '../../src/storage/s3-client.js';

afterEach(() => vi.unstubAllEnvs());

type Settings = Readonly<Record<string, string | undefined>>;

const OWN = { AWS_ENDPOINT_URL: 'https://store.example' };

/** No settings of the developer's own, and a machine that is in no cloud. */
const NOTHING = {
  AWS_CONFIG_FILE: '/nonexistent',
  AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
  AWS_PROFILE: undefined,
  AWS_REGION: undefined,
  AWS_ENDPOINT_URL: undefined,
  AWS_ENDPOINT_URL_S3: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ACCESS_KEY_ID: 'id',
  AWS_SECRET_ACCESS_KEY: 'secret',
};

interface Request {
  readonly hostname: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The request for an object as the SDK has made it with these settings, signature and all. */
async function requestOf(settings: Settings): Promise<Request> {
  for (const [name, value] of Object.entries({ ...NOTHING, ...settings })) vi.stubEnv(name, value);
  const client = await createS3Client(sdk, process.env);
  let made: Request | undefined;
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        if (isRequest(request)) made = request;
        throw new Error('nothing is sent');
      },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await expect(client.send(new sdk.GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))).rejects.toThrow(
    'nothing is sent',
  );
  client.destroy();
  if (made === undefined) throw new Error('no request');
  return made;
}

function isRequest(request: unknown): request is Request {
  return typeof request === 'object' && request !== null && 'hostname' in request && 'path' in request;
}

async function addressOf(settings: Settings): Promise<string> {
  const { hostname, path } = await requestOf({ AWS_REGION: 'eu-west-1', ...settings });
  return `${hostname}${path}`;
}

/** The region that a request is signed for. */
async function regionOf(settings: Settings): Promise<string | undefined> {
  const { headers } = await requestOf(settings);
  return /Credential=id\/\d+\/([^/]+)\/s3\//.exec(headers.authorization ?? '')?.[1];
}

/** Settings that name a profile with these lines. The SDK reads a file once: each has its own. */
async function profile(...lines: readonly string[]): Promise<Settings> {
  const folder = await mkdtemp(join(tmpdir(), 'dria-aws-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'config');
  // Where a profile is named, its own keys count.
  const keys = ['aws_access_key_id = id', 'aws_secret_access_key = secret'];
  await writeFile(file, ['[profile store]', ...keys, ...lines, ''].join('\n'));
  return { AWS_CONFIG_FILE: file, AWS_PROFILE: 'store' };
}

/** Settings of a machine in a cloud that tells its region. */
async function machineIn(region: string): Promise<Settings> {
  const server = createServer(({ method }, response) => response.end(method === 'PUT' ? 'token' : region));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return {
    AWS_EC2_METADATA_DISABLED: undefined,
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://127.0.0.1:${address.port}`,
  };
}

describe('the address of an object', () => {
  it.each<[string, Settings, string]>([
    ['has a host name for each bucket on AWS', {}, 'bucket.s3.eu-west-1.amazonaws.com/key'],
    ['has the bucket in its path elsewhere', OWN, 'store.example/bucket/key'],
    [
      'has a host name elsewhere when told so',
      { ...OWN, DRIA_TEMPORAL_S3_PATH_STYLE: 'false' },
      'bucket.store.example/key',
    ],
    [
      'has the bucket in its path on AWS when told so',
      { DRIA_TEMPORAL_S3_PATH_STYLE: 'true' },
      's3.eu-west-1.amazonaws.com/bucket/key',
    ],
    [
      'is that of S3 alone where that has an endpoint of its own',
      { ...OWN, AWS_ENDPOINT_URL_S3: 'https://s3.example' },
      's3.example/bucket/key',
    ],
    [
      'has a host name for each bucket at an endpoint that is named, but AWS',
      { AWS_ENDPOINT_URL_S3: 'https://s3.dualstack.eu-west-1.amazonaws.com' },
      'bucket.s3.dualstack.eu-west-1.amazonaws.com/key',
    ],
    [
      'has the bucket in its path at a host whose name only looks like AWS',
      { AWS_ENDPOINT_URL_S3: 'https://notamazonaws.com' },
      'notamazonaws.com/bucket/key',
    ],
    [
      'is that of AWS where endpoints are to be ignored',
      { ...OWN, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' },
      'bucket.s3.eu-west-1.amazonaws.com/key',
    ],
  ])('%s', async (_how, settings, address) => {
    expect(await addressOf(settings)).toBe(address);
  });

  it.each([
    ['for all services', ['endpoint_url = https://profile.example']],
    ['for S3', ['services = mine', '[services mine]', 's3 =', '  endpoint_url = https://profile.example']],
  ])('has the bucket in its path at an endpoint of the profile %s', async (_how, lines) => {
    expect(await addressOf(await profile(...lines))).toBe('profile.example/bucket/key');
  });
});

describe('the region', () => {
  it('is that of the variable before that of the profile', async () => {
    const settings = await profile('region = eu-south-2', 'endpoint_url = https://profile.example');
    expect(await regionOf({ ...settings, AWS_REGION: 'eu-west-3' })).toBe('eu-west-3');
  });

  it.each<[string, Settings]>([
    ['an endpoint by variable', OWN],
    ['AWS', {}],
  ])('is that of the profile with %s', async (_where, settings) => {
    expect(await regionOf({ ...(await profile('region = eu-south-2')), ...settings })).toBe('eu-south-2');
  });

  it('is us-east-1 at an endpoint of the profile where none is set', async () => {
    expect(await regionOf(await profile('endpoint_url = https://profile.example'))).toBe('us-east-1');
  });

  it("is not the machine's at an endpoint of one's own, but on AWS", async () => {
    const machine = await machineIn('eu-north-1');
    expect(await regionOf({ ...machine, ...OWN })).toBe('us-east-1');
    expect(await regionOf({ ...machine, AWS_ENDPOINT_URL: undefined })).toBe('eu-north-1');
  });
});
