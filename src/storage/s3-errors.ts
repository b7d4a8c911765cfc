import { StorageError, type StorageErrorCode } from './storage.js';

/** What the store's error codes mean in words, where the code alone does not say it. */
const REASONS: Readonly<Record<string, string>> = {
  NoSuchKey: 'there is no such object',
  NotFound: 'there is no such object',
  NoSuchBucket: 'there is no such bucket',
  NoSuchUpload: 'the upload was given up there',
  AccessDenied: 'access denied',
  Forbidden: 'access denied',
  InvalidAccessKeyId: 'the access key is not known there',
  SignatureDoesNotMatch: 'the secret key is wrong',
  ExpiredToken: 'the credentials have expired',
  CredentialsProviderError: 'there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE',
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name cannot be looked up',
  ECONNRESET: 'the connection was cut',
  TimeoutError: 'no answer in time',
  SlowDown: 'it asks for fewer requests',
};

/** Only these say that an object is not there: not every 404 does, of an upload it says that the upload is gone. */
const MISSING: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound']);

/** Errors that waiting does not mend. */
const REFUSED: ReadonlySet<string> = new Set([
  'NoSuchBucket',
  'AccessDenied',
  'Forbidden',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
  'PermanentRedirect',
  'InvalidBucketName',
]);

/** An error of the AWS SDK about an object as a {@link StorageError}; one that is already ours as it is. */
export function s3Error(error: unknown, key: string, place: string): unknown {
  if (error instanceof StorageError || !(error instanceof Error)) return error;
  const name = errorName(error);
  const status = statusOf(error);
  const code = REASONS[name] === undefined ? systemCodeOf(error) : name;
  const reason = REASONS[code] ?? describe(error, status);
  return new StorageError(codeOf(name, status), key, `${place}: ${reason}`, { cause: error });
}

function codeOf(name: string, status: number | undefined): StorageErrorCode {
  if (MISSING.has(name)) return 'NOT_FOUND';
  if (REFUSED.has(name) || status === 401 || status === 403) return 'DENIED';
  return 'UNAVAILABLE';
}

/** A HEAD has no body: the SDK then knows an error by its status only. */
function errorName(error: Error): string {
  return statusOf(error) === 403 && REASONS[error.name] === undefined ? 'Forbidden' : error.name;
}

/** The code of the network's own error, which the SDK may have wrapped. */
function systemCodeOf(error: unknown): string {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string') return current.code;
  }
  return '';
}

function statusOf(error: Error): number | undefined {
  const metadata = '$metadata' in error ? error.$metadata : undefined;
  if (typeof metadata !== 'object' || metadata === null || !('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}

function describe(error: Error, status: number | undefined): string {
  const what = error.message === '' || error.message === 'UnknownError' ? error.name : error.message;
  return status === undefined ? what : `it answers ${status}: ${what}`;
}
