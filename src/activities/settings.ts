import { ApplicationFailure } from '@temporalio/common';
import { z } from 'zod';
import { attachmentRulesSchema } from '../batch/run.js';
import { type AnswerCheck, compileAnswerSchema } from '../dria/answer-check.js';
import type { Endpoint } from '../dria/endpoint.js';
import { runDirectory } from '../storage/run-directory.js';
import type { Storage } from '../storage/storage.js';

/** What every item of a run needs and no history carries; kept in the run directory by `readManifest`. */
export const storedSettingsSchema = z.object({
  version: z.literal(1),
  endpoint: z.string().optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
  attachments: attachmentRulesSchema.required(),
});
export type StoredSettings = z.infer<typeof storedSettingsSchema>;

/** Settings ready for use. */
export interface RunSettings extends StoredSettings {
  readonly answerCheck?: AnswerCheck;
}

/** Runs whose settings a worker keeps at hand. */
const KEPT_RUNS = 32;

/** Reads runs' settings, once per run. Refuses a run that is meant for another endpoint than this worker's. */
export function settingsReader(storage: Storage, endpoint: Endpoint): (run: string) => Promise<RunSettings> {
  const kept = new Map<string, Promise<RunSettings>>();
  return (run) => {
    const known = kept.get(run);
    if (known !== undefined) return known;
    const reading = readSettings(storage, endpoint, run);
    reading.catch(() => kept.delete(run));
    const [oldest] = kept.keys();
    if (kept.size >= KEPT_RUNS && oldest !== undefined) kept.delete(oldest);
    kept.set(run, reading);
    return reading;
  };
}

async function readSettings(storage: Storage, endpoint: Endpoint, run: string): Promise<RunSettings> {
  const bytes = await storage.get(runDirectory(run).settings);
  const settings = storedSettingsSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  refuseOtherEndpoint(settings.endpoint, endpoint);
  return settings.schema === undefined ? settings : { ...settings, answerCheck: compileAnswerSchema(settings.schema) };
}

/** Fails with `WrongEndpoint` unless the run is meant for this worker's endpoint: a key goes to its own endpoint only. */
export function refuseOtherEndpoint(wanted: string | undefined, endpoint: Endpoint): void {
  if (wanted === undefined || wanted === endpoint.baseUrl) return;
  throw ApplicationFailure.nonRetryable(
    `the run is for ${wanted}, but this worker serves ${endpoint.baseUrl}: start a worker with DRIA_BASE_URL=${wanted}`,
    'WrongEndpoint',
  );
}
