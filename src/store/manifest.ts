import { type Manifest, manifestSchema } from '../batch/manifest.js';
import type { Storage } from '../storage/storage.js';
import { getSealed, ifThere, putSealed } from './json.js';
import { runDirectory } from './run-directory.js';

/** Writes a run's manifest. It comes last of what is staged: its presence means that all of it is there. */
export async function putManifest(storage: Storage, run: string, manifest: Manifest): Promise<void> {
  await putSealed(storage, runDirectory(run).manifest, manifest);
}

/** Reads the manifest of a run; undefined if its input is not staged. */
export async function readStagedManifest(storage: Storage, run: string): Promise<Manifest | undefined> {
  return await ifThere(getSealed(storage, runDirectory(run).manifest, manifestSchema));
}
