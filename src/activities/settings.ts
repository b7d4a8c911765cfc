import { ApplicationFailure } from '@temporalio/common';
import { shellWord } from '../batch/shell-word.js';
import type { AnswerCheck } from '../dria/answer-check.js';
import { normalBaseUrl } from '../dria/base-url.js';
import type { Endpoint } from '../dria/endpoint.js';
import { ifThere } from '../store/json.js';
import { runDirectory } from '../store/run-directory.js';
import { readStoredSettings, type StoredSettings } from '../store/settings.js';
import type { ActivityDependencies } from './dependencies.js';
import { unshared } from './unshared.js';

/** What is known of the settings before the input is staged. */
export type SourceSettings = Omit<StoredSettings, 'input'>;

/** Settings ready for use. */
export interface RunSettings extends StoredSettings {
  readonly answerCheck?: AnswerCheck;
}

/**
 * Reads a run's settings. Each pack reads them anew: a run that is started again under its id may have other ones.
 * Fails with `WrongEndpoint` for a run that is meant for another endpoint than this worker's, and with `StorageNotShared`
 * for one that this worker's storage does not have.
 */
export async function readSettings({ storage, endpoint }: ActivityDependencies, run: string): Promise<RunSettings> {
  const settings = await ifThere(readStoredSettings(storage, run));
  if (settings === undefined) throw unshared(storage, runDirectory(run).settings);
  refuseOtherEndpoint(settings.endpoint, endpoint);
  if (settings.schema === undefined) return settings;
  // Loaded when a run has a schema: most have none, and a command should start soon.
  const { compileAnswerSchema } = await import('../dria/answer-check.js');
  return { ...settings, answerCheck: compileAnswerSchema(settings.schema) };
}

/** Fails with `WrongEndpoint` unless the run is meant for this worker's endpoint: a key goes to its own endpoint only. */
export function refuseOtherEndpoint(wanted: string | undefined, endpoint: Endpoint): void {
  const url = wanted === undefined ? undefined : comparable(wanted);
  if (url === undefined || url === endpoint.baseUrl) return;
  throw ApplicationFailure.nonRetryable(
    `the run is for ${url}, but this worker serves ${endpoint.baseUrl}: start a worker with DRIA_BASE_URL=${shellWord(url)}`,
    'WrongEndpoint',
  );
}

/** However other people's code has written it. */
function comparable(url: string): string {
  try {
    return normalBaseUrl(url);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw ApplicationFailure.nonRetryable(`the run's endpoint: ${why}`, 'WrongEndpoint');
  }
}
