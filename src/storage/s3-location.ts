/** A storage root on S3. */
export interface S3Location {
  readonly bucket: string;
  /** What every key begins with: empty, or ending with a slash. */
  readonly prefix: string;
}

/** True for a storage root that is meant for S3. */
export function isS3Root(root: string): boolean {
  return /^s3:/i.test(root);
}

/**
 * Reads `s3://bucket/prefix`. Throws a `RangeError` for anything else.
 * Names of buckets: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
 */
export function parseS3Root(root: string): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,253}[a-z0-9])(?:\/(.*))?$/.exec(root);
  if (match === null) {
    throw new RangeError(`the storage ${root} is not of the form s3://bucket or s3://bucket/prefix`);
  }
  const [, bucket = '', path = ''] = match;
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.some((part) => part === '.' || part === '..')) {
    throw new RangeError(`the storage ${root} has "." or ".." in its prefix`);
  }
  return { bucket, prefix: parts.map((part) => `${part}/`).join('') };
}

/** The root as users write it. */
export function s3RootOf({ bucket, prefix }: S3Location): string {
  return `s3://${bucket}${prefix === '' ? '' : `/${prefix.slice(0, -1)}`}`;
}
