import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { BatchOptions } from '../batch/options.js';
import { UserError } from './errors.js';

/** What a run was asked for, in the words of the command's flags; kept in the run's memo. */
export const runRequestSchema = z.object({
  /** What the answers depend on, by the flag that says it. */
  answers: z.record(z.string(), z.string()),
  /** How fast and how stubbornly they are fetched. */
  pace: z.record(z.string(), z.string()),
});

export type RunRequest = z.infer<typeof runRequestSchema>;

/** The request of a command. Flags at their defaults are in it too: a default may change. */
export function runRequestOf(options: BatchOptions, endpoint: string): RunRequest {
  const { model, maxTokens, temperature, skipInvalid, detail } = options;
  const { concurrency, retries, timeoutSecs, pack, maxTotalTokens, maxCredits } = options;
  return {
    answers: texts({
      '--base-url': endpoint,
      '--model': model ?? 'by nodes',
      '--max-tokens': maxTokens,
      '--temperature': temperature,
      '--schema': options.schema === undefined ? 'none' : `schema ${digest(options.schema)}`,
      '--skip-invalid': skipInvalid,
      '--detail': detail,
    }),
    pace: texts({
      '--concurrency': concurrency,
      '--retries': retries,
      '--timeout': timeoutSecs,
      '--pack': pack ?? 'as it goes',
      '--max-total-tokens': maxTotalTokens ?? 'none',
      '--max-credits': maxCredits ?? 'none',
    }),
  };
}

/**
 * Throws a `UserError` when a run that is there was asked for other answers than this command asks for: under one id
 * there must be no mix of two.
 */
export function refuseOtherAnswers(runId: string, there: RunRequest | undefined, here: RunRequest): void {
  const different = differences(there?.answers ?? {}, here.answers);
  if (different.length === 0) return;
  throw new UserError(`the run ${runId} was started with other options: ${different.join(', ')}`, {
    exitCode: 2,
    hint: 'Give the options that it was started with, or another --id.',
  });
}

/** How a run under way goes on otherwise than this command says, in words; undefined when it does not. */
export function otherPace(runId: string, there: RunRequest | undefined, here: RunRequest): string | undefined {
  const different = differences(there?.pace ?? {}, here.pace);
  return different.length === 0
    ? undefined
    : `it keeps the options that it was started with: ${different.join(', ')}; to change them: dria-temporal set ${runId}`;
}

function differences(there: Readonly<Record<string, string>>, here: Readonly<Record<string, string>>): string[] {
  return Object.entries(there).flatMap(([flag, value]) =>
    here[flag] === undefined || here[flag] === value ? [] : [`${flag} ${value}, not ${here[flag]}`],
  );
}

function texts(values: Readonly<Record<string, string | number | boolean>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([flag, value]) => [flag, String(value)]));
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}
