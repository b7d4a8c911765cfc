import type { S3Client } from '@aws-sdk/client-s3';

/** The AWS SDK, loaded when a root is on S3: it is large, and most commands need none of it. */
export type S3Sdk = typeof import('@aws-sdk/client-s3');

/** Connections to the store at a time. */
const MAX_SOCKETS = 200;

/** Time-outs of one request, ms: to connect, and between two signs of life. */
const CONNECT_MS = 5_000;
const SILENCE_MS = 30_000;

/** Tries of the SDK for one call; who waits longer does so above it. */
const ATTEMPTS = 3;

/** Host names that are AWS's own: of regions, of China, and with IPv6. */
const AWS_HOST = /(^|\.)(amazonaws\.com(\.cn)?|api\.aws)$/i;

/** The region of a store of one's own where none is set: most have none, and the SDK wants one. */
const NO_REGION = 'us-east-1';

/** A client by the standard AWS settings: environment, profile, or the machine's own role. */
export async function createS3Client(sdk: S3Sdk, env: NodeJS.ProcessEnv): Promise<S3Client> {
  const isOwn = isOwnEndpoint(await configuredEndpoint(sdk));
  return new sdk.S3Client({
    // The AWS settings have no word for it that this SDK reads, and a store of one's own seldom has a host name for each
    // bucket.
    forcePathStyle: pathStyle(env) ?? isOwn,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: SILENCE_MS,
      throwOnRequestTimeout: true,
      httpAgent: { maxSockets: MAX_SOCKETS },
      httpsAgent: { maxSockets: MAX_SOCKETS },
    },
    ...(isOwn ? { region: await regionElsewhere() } : {}),
  });
}

/** The endpoint that environment or profile name; undefined for AWS by its regions. Only a client knows. */
async function configuredEndpoint(sdk: S3Sdk): Promise<string | undefined> {
  const client = new sdk.S3Client({ region: NO_REGION });
  try {
    return await client.config.serviceConfiguredEndpoint?.();
  } finally {
    client.destroy();
  }
}

/**
 * The region of environment or profile, for a store that is not AWS: the region of the machine, which the SDK asks the
 * cloud for where none is set, says nothing of it.
 */
async function regionElsewhere(): Promise<string> {
  const { loadConfig, NODE_REGION_CONFIG_OPTIONS, NODE_REGION_CONFIG_FILE_OPTIONS } = await import(
    '@smithy/core/config'
  );
  const settings = { ...NODE_REGION_CONFIG_OPTIONS, default: NO_REGION };
  return await loadConfig<string>(settings, NODE_REGION_CONFIG_FILE_OPTIONS)();
}

/** What `DRIA_TEMPORAL_S3_PATH_STYLE` says, if anything. */
function pathStyle({ DRIA_TEMPORAL_S3_PATH_STYLE }: NodeJS.ProcessEnv): boolean | undefined {
  const wanted = DRIA_TEMPORAL_S3_PATH_STYLE?.toLowerCase() ?? '';
  return wanted === '' ? undefined : wanted === 'true' || wanted === '1';
}

function isOwnEndpoint(endpoint: string | undefined): boolean {
  if (endpoint === undefined || endpoint === '') return false;
  return !URL.canParse(endpoint) || !AWS_HOST.test(new URL(endpoint).hostname);
}
