import * as sdk from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/storage/s3-client.js';

afterEach(() => vi.unstubAllEnvs());

const OWN = { AWS_ENDPOINT_URL: 'https://store.example' };

/** Where a request for an object would go, as the SDK has made it, signature and all. */
async function addressOf(settings: Record<string, string>): Promise<string> {
  const env = { AWS_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', ...settings };
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const client = createS3Client(sdk, process.env);
  let address = '';
  client.middlewareStack.add(
    () =>
      async ({ request }) => {
        if (isRequest(request)) address = `${request.hostname}${request.path}`;
        throw new Error('nothing is sent');
      },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await expect(client.send(new sdk.GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))).rejects.toThrow(
    'nothing is sent',
  );
  client.destroy();
  return address;
}

function isRequest(request: unknown): request is { readonly hostname: string; readonly path: string } {
  return typeof request === 'object' && request !== null && 'hostname' in request && 'path' in request;
}

describe('the address of an object', () => {
  it.each<[string, Record<string, string>, string]>([
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
  ])('%s', async (_how, settings, address) => {
    expect(await addressOf(settings)).toBe(address);
  });
});
