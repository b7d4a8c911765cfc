import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';

/** The AWS SDK, loaded when a root is on S3: it is large, and most commands need none of it. */
export type S3Sdk = typeof import('@aws-sdk/client-s3');

/** Connections to the store at a time. */
const MAX_SOCKETS = 200;

/** Time-outs of one request, ms: to connect, and between two signs of life. */
const CONNECT_MS = 5_000;
const SILENCE_MS = 30_000;

/** Tries of the SDK for one call; who waits longer does so above it. */
const ATTEMPTS = 3;

/** A client by the standard AWS settings: environment, profile, or the machine's own role. */
export function createS3Client(sdk: S3Sdk, env: NodeJS.ProcessEnv): S3Client {
  return new sdk.S3Client(s3Config(env));
}

/**
 * What is not left to the standard settings. Path style: the AWS settings have no word for it that this SDK reads, and
 * an endpoint of one's own seldom has a host name for each bucket. `DRIA_TEMPORAL_S3_PATH_STYLE` decides otherwise.
 */
function s3Config(env: NodeJS.ProcessEnv): S3ClientConfig {
  return {
    forcePathStyle: pathStyle(env),
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
    // A store on one's own machine has no region, and the SDK wants one.
    ...(env.AWS_REGION === undefined && hasOwnEndpoint(env) ? { region: 'us-east-1' } : {}),
  };
}

function pathStyle(env: NodeJS.ProcessEnv): boolean {
  const wanted = env.DRIA_TEMPORAL_S3_PATH_STYLE?.toLowerCase();
  if (wanted === undefined || wanted === '') return hasOwnEndpoint(env);
  return wanted === 'true' || wanted === '1';
}

function hasOwnEndpoint({ AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL }: NodeJS.ProcessEnv): boolean {
  return Boolean(AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL);
}
