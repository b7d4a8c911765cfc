import type { z } from 'zod';
import { isWhole, sealed } from '../storage/seal.js';
import { damaged, type Storage, StorageError } from '../storage/storage.js';

/** Writes a JSON object with a checksum in it, as {@link getSealed} reads it. */
export async function putSealed(storage: Storage, key: string, value: object): Promise<void> {
  await storage.put(key, sealed('', JSON.stringify(value).slice(0, -1)));
}

/** Reads an object that {@link putSealed} wrote. Throws as `get` does, and `DAMAGED` if it is not what was written. */
export async function getSealed<T>(storage: Storage, key: string, schema: z.ZodType<T>): Promise<T> {
  const bytes = Buffer.from(await storage.get(key));
  const stored = parseJson(storage, key, bytes.toString('utf8'));
  if (!isWhole(bytes.subarray(0, -1))) throw damaged(storage, key, 'it is not what was written');
  return parseStored(storage, key, schema, stored);
}

/** Reads a JSON object. Throws as `get` does, and `DAMAGED` if it is not JSON, or not as the schema has it. */
export async function getJson<T>(storage: Storage, key: string, schema: z.ZodType<T>): Promise<T> {
  const text = Buffer.from(await storage.get(key)).toString('utf8');
  return parseStored(storage, key, schema, parseJson(storage, key, text));
}

/** Returns what a read brings; undefined if there is no such object. */
export async function ifThere<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

function parseJson(storage: Storage, key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(storage, key, text === '' ? 'it is empty' : 'it is not JSON', error);
  }
}

function parseStored<T>(storage: Storage, key: string, schema: z.ZodType<T>, stored: unknown): T {
  const { success, data, error } = schema.safeParse(stored);
  if (success) return data;
  const [issue] = error.issues;
  throw damaged(storage, key, `${issue?.path.join('.') || 'its content'}: ${issue?.message ?? 'wrong'}`);
}
