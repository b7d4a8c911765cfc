import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunExecution } from '../../client-executions.js';
import { isS3Root } from '../../storage/s3-location.js';
import { runIdOf } from '../../store/run-directory.js';
import { placesOf } from '../places.js';
import { serverConditions } from '../run-filter.js';
import { memoOf } from '../run-memo.js';
import { openSessionIfUp, type Session } from '../session.js';
import { type PlaceFlags, temporalFlagsSchema } from '../temporal-flags.js';
import { temporalSettings } from '../temporal-settings.js';
import { formatItems } from '../terminal/format.js';
import type { Candidate } from './wanted.js';

/** Whoever presses the Tab key waits: how long the server may take to be reached, and then to list, ms. */
const ANSWER_MS = 1_000;

/** Runs that are offered at most, the newest. */
const MOST = 100;

const ANY = serverConditions({ states: undefined, since: undefined, input: undefined, limit: MOST });

/**
 * Ids of runs, newest first: from the server when one is up and answers in time, else the names in storage, where
 * that is a folder. Starts and makes nothing.
 */
export async function runIds(given: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): Promise<Candidate[]> {
  const flags = temporalFlagsSchema.parse(given);
  const settings = temporalSettings(flags, env);
  const { dataDir } = placesOf(flags, env);
  const session = await openSessionIfUp({ settings, dataDir }, ANSWER_MS);
  const found = session === undefined ? [] : await listed(session);
  return found.length > 0 ? found : await storedIds(flags, env);
}

/** What the server lists in time. */
async function listed(session: Session): Promise<Candidate[]> {
  const found: Candidate[] = [];
  const late = delay(ANSWER_MS, undefined, { ref: false });
  await Promise.race([listInto(found, session).catch(() => undefined), late]);
  return [...found];
}

async function listInto(found: Candidate[], session: Session): Promise<void> {
  const seen = new Set<string>();
  for await (const run of session.batches.list(ANY)) {
    if (seen.has(run.workflowId)) continue;
    seen.add(run.workflowId);
    found.push({ value: run.workflowId, description: describe(run) });
    if (found.length === MOST) return;
  }
}

function describe(run: RunExecution): string {
  const { items } = memoOf(run);
  const state = run.status.name.toLowerCase().replace('_', ' ');
  return items === undefined ? state : `${state}, ${formatItems(items)}`;
}

/** The ids that run directories are named after. */
async function storedIds(flags: PlaceFlags, env: NodeJS.ProcessEnv): Promise<Candidate[]> {
  const { root } = placesOf(flags, env).storage;
  if (isS3Root(root)) return [];
  const folders = await readdir(join(root, 'runs'), { withFileTypes: true });
  const ids = folders.flatMap((entry) => (entry.isDirectory() ? (runIdOf(entry.name) ?? []) : []));
  return ids.slice(0, MOST).map((value) => ({ value, description: '' }));
}
