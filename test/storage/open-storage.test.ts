import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStorage } from '../../src/storage/open-storage.js';

describe('a storage root', () => {
  it.each(['runs', '/var/runs', './a:b', 'C:/runs', 'x:runs'])('%s is a folder', (root) => {
    expect(openStorage(root, {}).root).toBe(root.startsWith('/') ? root : join(process.cwd(), root));
  });

  it('may be a file: URL of a folder', () => {
    expect(openStorage('file:///var/my%20runs', {}).root).toBe('/var/my runs');
    expect(() => openStorage('file://other.example/runs', {})).toThrow(/not the URL of a folder of this machine/);
  });

  it.each([
    'http://127.0.0.1:9/x',
    'https://a.example',
    'gs://bucket/x',
    'gs:/x',
    'az://c/x',
    's3a://bucket/x',
    'http:/x',
  ])('%s is refused with what there is', (root) => {
    expect(() => openStorage(root, {})).toThrow(/is neither a folder nor s3:\/\/bucket\/prefix/);
  });

  it.each(['s3:/x', 's3:x', 'S3://bucket', 's3://', 's3://a/../b', 's3:///x'])('%s is refused as a bucket', (root) => {
    expect(() => openStorage(root, {})).toThrow(RangeError);
  });

  it('is refused without its password and its signature', () => {
    const message = (): void => void openStorage('https://me:secret@a.example/x?sig=secret#secret', {});
    expect(message).toThrow(/https:\/\/a.example\/x is/);
    expect(message).not.toThrow(/secret/);
  });
});
