import { damaged, type Storage, StorageError } from './storage.js';

/** The value of a JSON object, to be parsed by its schema. Throws what `get` throws, and `DAMAGED` for what is no JSON. */
export async function getJson(storage: Storage, key: string): Promise<unknown> {
  const text = Buffer.from(await storage.get(key)).toString('utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damaged(storage, key, text === '' ? 'it is empty' : 'it is not JSON', error);
  }
}

/** {@link getJson}, or undefined when there is no such object. */
export async function getJsonIfThere(storage: Storage, key: string): Promise<unknown> {
  try {
    return await getJson(storage, key);
  } catch (error) {
    if (error instanceof StorageError && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
