import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Storage } from '../storage/storage.js';
import { getJson, ifThere } from './json.js';

/* Objects by which runs are found that nobody names: under `index/`, a small one for each. */

const entrySchema = z.object({ run: z.string() });

/** Digits of a time (ms, base 36) that sort by it until the year 5188. */
const TIME_DIGITS = 9;

/** Notes that a run is of an input from this origin, once. */
export async function noteOrigin(storage: Storage, origin: string, run: string): Promise<void> {
  const prefix = originPrefix(origin);
  const name = `-${hashOf(run).slice(0, 16)}.json`;
  if ((await storage.list(prefix)).some((key) => key.endsWith(name))) return;
  const time = Date.now().toString(36).padStart(TIME_DIGITS, '0');
  await storage.put(`${prefix}${time}${name}`, JSON.stringify({ run }));
}

/** Yields the ids of the runs of inputs from this origin, newest first. */
export async function* runsOfOrigin(storage: Storage, origin: string): AsyncGenerator<string, void, undefined> {
  const keys = (await storage.list(originPrefix(origin))).sort().reverse();
  for (const key of keys) {
    const entry = await ifThere(getJson(storage, key, entrySchema));
    if (entry !== undefined) yield entry.run;
  }
}

/** Notes which run has these results. */
export async function noteResults(storage: Storage, sha256: string, run: string): Promise<void> {
  await storage.put(resultsEntry(sha256), JSON.stringify({ run }));
}

/** Returns the run whose results have this hash; undefined if there is none. */
export async function runOfResults(storage: Storage, sha256: string): Promise<string | undefined> {
  return (await ifThere(getJson(storage, resultsEntry(sha256), entrySchema)))?.run;
}

function originPrefix(origin: string): string {
  return `index/origins/${hashOf(origin)}/`;
}

function resultsEntry(sha256: string): string {
  return `index/results/${sha256}.json`;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
