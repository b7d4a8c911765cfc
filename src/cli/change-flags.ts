import { type Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { changeProblem, type RunChange } from '../batch/change.js';
import { duration } from './duration.js';
import { UserError } from './errors.js';
import { number } from './number-option.js';

const limit = z.union([z.number(), z.literal('none').transform(() => null)]).optional();

/** What `set` and `retry` can change, as commander gives it. */
export const changeFlagsSchema = z.object({
  model: z.string().optional(),
  anyModel: z.boolean().default(false),
  concurrency: z.number().optional(),
  maxTokens: z.number().optional(),
  temperature: z.number().optional(),
  retries: z.number().optional(),
  timeout: z.number().optional(),
  maxWait: z.number().optional(),
  rpm: limit,
  tpm: limit,
  maxTotalTokens: limit,
  maxCredits: limit,
  maxCost: limit,
});
export type ChangeFlags = z.infer<typeof changeFlagsSchema>;

/** The flag behind each field of a change. */
const FLAGS: Readonly<Record<string, string>> = {
  model: '--model',
  concurrency: '--concurrency',
  maxTokens: '--max-tokens',
  temperature: '--temperature',
  retries: '--retries',
  timeoutSecs: '--timeout',
  maxWaitSecs: '--max-wait',
  rpm: '--rpm',
  tpm: '--tpm',
  maxTotalTokens: '--max-total-tokens',
  maxCredits: '--max-credits',
  maxCost: '--max-cost',
};

/** Adds the flags that say what changes. */
export function addChangeFlags(command: Command): Command {
  return command
    .optionsGroup('Changes:')
    .option('-m, --model <id>', 'The only model to ask from now on.')
    .option('--any-model', 'Models by nodes again, instead of a chosen one.')
    .addOption(number('-c, --concurrency <n>', 'Maximum requests in flight.'))
    .addOption(number('--max-tokens <n>', 'Tokens of an answer at most.'))
    .addOption(number('--temperature <t>', 'Sampling temperature.'))
    .addOption(number('--retries <n>', 'Further attempts for an item.'))
    .addOption(number('--timeout <s>', 'Time for one answer, seconds.'))
    .addOption(duration('--max-wait <time>', 'How long to wait for an endpoint: 30s, 15m, 2h or 0.'))
    .addOption(limitOption('--rpm <n>', 'Requests a minute at most; none for no limit.'))
    .addOption(limitOption('--tpm <n>', 'Tokens a minute at most; none for no limit.'))
    .addOption(limitOption('--max-total-tokens <n>', 'Tokens of the whole run at most; none for no limit.'))
    .addOption(limitOption('--max-credits <n>', 'Credits of the whole run at most; none for no limit.'))
    .addOption(limitOption('--max-cost <usd>', 'Dollars of the whole run at most; none for no limit.'));
}

function limitOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => {
    if (text === 'none') return text;
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number, or none.');
    return value;
  });
}

/** The change that flags ask for; undefined when they ask for none. Throws a `UserError` that names the flag. */
export function changeFromFlags(flags: ChangeFlags): RunChange | undefined {
  const { model, anyModel, timeout, maxWait, ...others } = flags;
  if (model !== undefined && anyModel) {
    throw new UserError('--model and --any-model are both given: use one of them', { exitCode: 2 });
  }
  const asked = { ...others, model: anyModel ? null : model, timeoutSecs: timeout, maxWaitSecs: maxWait };
  const fields = Object.entries(asked).filter(([field, value]) => FLAGS[field] !== undefined && value !== undefined);
  if (fields.length === 0) return undefined;
  const change: RunChange = Object.fromEntries(fields);
  const problem = changeProblem(change);
  if (problem === undefined) return change;
  const [field = ''] = problem.split(':');
  throw new UserError(problem.replace(field, FLAGS[field] ?? field), { exitCode: 2 });
}
