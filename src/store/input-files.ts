import { dirname, isAbsolute, join } from 'node:path';
import { InputError } from '../input/errors.js';
import { printable } from '../input/excerpt.js';
import { byCodeUnits, findFiles, noMatch } from '../input/find-files.js';
import { type InputFile, localFile } from '../input/input-file.js';
import { openStorage } from '../storage/open-storage.js';
import { isS3Root } from '../storage/s3-location.js';
import { type Storage, StorageError } from '../storage/storage.js';

/** Where the files of an input are looked for. */
export interface InputLocations {
  /** Storage of keys; without it a name is a path of this machine. */
  readonly storage?: Storage;
  /** Settings of buckets. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Opens the files that the names of an input stand for, in their order: paths, `s3://bucket/key`, keys of the storage, and
 * patterns of these. Throws an `InputError` for what is not there or given twice.
 */
export async function openInputFiles(names: readonly string[], locations: InputLocations): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const name of names) files.push(...(await openNamed(name, locations)));
  refuseTwice(files);
  return files;
}

/** Throws an `InputError` if a file is given twice: its items would be asked twice. */
export function refuseTwice(files: readonly InputFile[]): void {
  const seen = new Map<string, string>();
  for (const { identity, name } of files) {
    const before = seen.get(identity);
    if (before !== undefined) {
      const also = before === name ? '' : `, also as ${printable(before)}`;
      throw new InputError('TWICE', name, `${printable(name)} is given twice${also}: its prompts would be asked twice`);
    }
    seen.set(identity, name);
  }
}

/** Opens what one name stands for. */
export async function openNamed(name: string, { storage, env }: InputLocations): Promise<InputFile[]> {
  if (isS3Root(name)) return await openInBucket(name, env);
  if (storage !== undefined && !isAbsolute(name)) return await openKeys(storage, name, (key) => key);
  const files: InputFile[] = [];
  for (const path of await findFiles(name)) files.push(await localFile(path));
  return files;
}

async function openInBucket(url: string, env: NodeJS.ProcessEnv | undefined): Promise<InputFile[]> {
  const [, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/(.*)$/i.exec(url) ?? [];
  if (key === '' || key.endsWith('/')) {
    const example = `s3://${bucket === '' ? 'bucket' : bucket}/${key === '' ? 'folder/' : key}*.jsonl`;
    throw new InputError(
      'NOT_FOUND',
      url,
      `${printable(url)} names no object: give s3://bucket/key, or a pattern as ${printable(example)}`,
    );
  }
  let storage: Storage;
  try {
    storage = openStorage(`s3://${bucket}`, env);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new InputError('NOT_FOUND', url, `${printable(url)} is not of the form s3://bucket/key`, { cause: error });
  }
  return await openKeys(storage, key, (found) => `${storage.root}/${found}`);
}

/** Opens the objects that a key stands for: itself or, as a pattern, those that match it. */
async function openKeys(storage: Storage, key: string, nameOf: (key: string) => string): Promise<InputFile[]> {
  const files: InputFile[] = [];
  for (const found of await findKeys(storage, key, nameOf(key))) {
    files.push(await storedFile(storage, found, nameOf(found)));
  }
  return files;
}

async function findKeys(storage: Storage, key: string, name: string): Promise<string[]> {
  const [beforePattern = ''] = key.split(/[*?[\]{}]/, 1);
  if (beforePattern === key || (await inputErrors(name, () => storage.size(key))) !== undefined) return [key];
  const { default: picomatch } = await import('picomatch');
  const matches = picomatch(key);
  const folder = beforePattern.slice(0, beforePattern.lastIndexOf('/') + 1);
  const keys = await inputErrors(name, () => storage.list(isS3Root(storage.root) ? beforePattern : folder));
  const found = keys.filter((candidate) => matches(candidate)).sort(byCodeUnits);
  if (found.length === 0) throw noMatch(name, 'no object matches it');
  return found;
}

async function storedFile(storage: Storage, key: string, name: string): Promise<InputFile> {
  const place = `${storage.root}/${key}`;
  const bytes = await inputErrors(name, () => storage.size(key));
  if (bytes === undefined) throw new InputError('NOT_FOUND', name, `${printable(place)}: there is no such object`);
  return {
    name,
    identity: place,
    folder: isS3Root(storage.root) ? undefined : dirname(join(storage.root, key)),
    bytes,
    stream: async function* () {
      yield* await inputErrors(name, () => storage.stream(key));
    },
    readRange: (start, end) => inputErrors(name, () => storage.getRange(key, start, end)),
    checkUnchanged: async () => {
      const now = await inputErrors(name, () => storage.size(key));
      if (now === bytes) return;
      throw new InputError('CHANGED', name, `${printable(place)} changed while it was read`);
    },
  };
}

async function inputErrors<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof StorageError) || (error.code !== 'NOT_FOUND' && error.code !== 'DENIED')) throw error;
    throw new InputError(error.code, name, error.message, { cause: error });
  }
}
