import { createHash } from 'node:crypto';
import { z } from 'zod';
import { asksOnce, type BatchOptions } from '../batch/options.js';
import { shellWord } from '../batch/shell-word.js';
import { durationText } from './duration.js';
import { UserError } from './errors.js';
import type { RunOptionFlags } from './run-flags.js';

/** What a run was asked for, in the words of the command's flags; kept in the run's memo. */
export const runRequestSchema = z.object({
  /** What the answers depend on, by the flag that says it. */
  answers: z.record(z.string(), z.string()),
  /** How fast and how stubbornly they are fetched. */
  pace: z.record(z.string(), z.string()),
});

export type RunRequest = z.infer<typeof runRequestSchema>;

/** What a request has for a run that chooses among all models. */
export const NO_MODEL = 'by nodes';

/** The request of a command. Flags at their defaults are in it too: a default may change. */
export function runRequestOf(
  options: BatchOptions,
  endpoint: string,
  { webhook = 'none', reuse = 'none' }: Pick<RunOptionFlags, 'webhook' | 'reuse'> = {},
): RunRequest {
  const { model, maxTokens, temperature, skipInvalid, detail, system, raw, body, omit, rename, api } = options;
  const {
    concurrency,
    retries,
    repair,
    groupPrefix,
    timeoutSecs,
    maxWaitSecs,
    pack,
    rpm,
    tpm,
    maxTotalTokens,
    maxCredits,
    embedBatch,
    maxCost,
    prefer,
  } = options;
  return {
    answers: texts({
      '--base-url': endpoint,
      '--model': model ?? NO_MODEL,
      '--max-tokens': maxTokens,
      '--temperature': temperature,
      '--system': system === undefined ? 'none' : `text ${digest(system)}`,
      '--schema': options.schema === undefined ? 'none' : `schema ${digest(options.schema)}`,
      '--skip-invalid': skipInvalid,
      '--detail': detail,
      '--raw': raw,
      '--body': body === undefined ? 'none' : `body ${digest(body)}`,
      '--omit': omit?.join(',') ?? 'none',
      '--rename': rename === undefined ? 'none' : JSON.stringify(rename),
      '--api': api ?? 'as the items say',
      '--dedupe': asksOnce(options) ? 'always' : 'never',
    }),
    pace: texts({
      '--concurrency': concurrency,
      '--retries': retries,
      '--repair': repair,
      '--group-prefix': groupPrefix,
      '--timeout': timeoutSecs,
      '--max-wait': durationText(maxWaitSecs),
      '--pack': pack ?? 'as it goes',
      '--rpm': rpm ?? 'none',
      '--tpm': tpm ?? 'none',
      '--max-total-tokens': maxTotalTokens ?? 'none',
      '--max-credits': maxCredits ?? 'none',
      '--embed-batch': embedBatch,
      '--max-cost': maxCost ?? 'none',
      '--prefer': prefer ?? 'none',
      '--webhook': webhook,
      '--reuse': reuse,
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

/** How an unfinished run goes on otherwise than this command says, in words; undefined when it does not. */
export function otherPace(runId: string, there: RunRequest | undefined, here: RunRequest): string | undefined {
  const different = differences(there?.pace ?? {}, here.pace);
  return different.length === 0
    ? undefined
    : `it keeps the options that it was started with: ${different.join(', ')}; to change them: dria-temporal set ${shellWord(runId)}`;
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
