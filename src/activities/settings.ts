import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { attachmentRulesSchema } from '../batch/run.js';
import type { AnswerCheck } from '../dria/answer-check.js';
import { normalBaseUrl } from '../dria/base-url.js';
import type { Endpoint } from '../dria/endpoint.js';
import { getJson } from '../storage/json.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';
import type { ActivityDependencies } from './dependencies.js';

/** What every item of a run needs and no history carries; kept in the run directory by `readManifest`. */
export const storedSettingsSchema = z.object({
  version: z.literal(1),
  /** Key of the staged input. */
  input: z.string(),
  endpoint: z.string().optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  attachments: attachmentRulesSchema.required(),
});
export type StoredSettings = z.infer<typeof storedSettingsSchema>;

/** What is known of the settings before the input is staged. */
export type SourceSettings = Omit<StoredSettings, 'input'>;

/** Settings ready for use. */
export interface RunSettings extends StoredSettings {
  readonly answerCheck?: AnswerCheck;
}

/**
 * Reads a run's settings. Each pack reads them anew: a run that is started again under its id may have other ones.
 * Fails with `WrongEndpoint` for a run that is meant for another endpoint than this worker's.
 */
export async function readSettings({ storage, endpoint }: ActivityDependencies, run: string): Promise<RunSettings> {
  const settings = storedSettingsSchema.parse(await getJson(storage, runDirectory(run).settings));
  refuseOtherEndpoint(settings.endpoint, endpoint);
  if (settings.schema === undefined) return settings;
  // Loaded when a run has a schema: most have none, and a command should start soon.
  const { compileAnswerSchema } = await import('../dria/answer-check.js');
  return { ...settings, answerCheck: compileAnswerSchema(settings.schema) };
}

/** Where a run's items are. */
export async function readItemPlaces(
  storage: Storage,
  run: string,
): Promise<Pick<StoredSettings, 'input' | 'attachments'>> {
  return storedSettingsSchema.parse(await getJson(storage, runDirectory(run).settings));
}

/** Fails with `WrongEndpoint` unless the run is meant for this worker's endpoint: a key goes to its own endpoint only. */
export function refuseOtherEndpoint(wanted: string | undefined, endpoint: Endpoint): void {
  const url = wanted === undefined ? undefined : comparable(wanted);
  if (url === undefined || url === endpoint.baseUrl) return;
  throw ApplicationFailure.nonRetryable(
    `the run is for ${url}, but this worker serves ${endpoint.baseUrl}: start a worker with DRIA_BASE_URL=${url}`,
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
