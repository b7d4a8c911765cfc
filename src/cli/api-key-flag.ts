import { z } from 'zod';
import { UserError } from './errors.js';

/** The flag that names the variable with the endpoint's key. A key itself is never a flag: every user of a machine sees those. */
export const API_KEY_FLAG = ['--api-key-env <name>', 'Variable that holds the key. Default: DRIA_API_KEY.'] as const;

const flagsSchema = z.object({ apiKeyEnv: z.string().optional() });

/** Returns the environment with the key under its usual name. Throws a `UserError` if the variable that `flags` name has none. */
export function withKey(env: NodeJS.ProcessEnv, flags: unknown): NodeJS.ProcessEnv {
  const { apiKeyEnv } = flagsSchema.parse(flags);
  if (apiKeyEnv === undefined) return env;
  const key = env[apiKeyEnv];
  if (key) return { ...env, DRIA_API_KEY: key };
  // The name is not repeated: somebody may have given the key itself.
  throw new UserError('--api-key-env: no variable of that name is set', {
    exitCode: 2,
    hint: 'Give the name of a variable, and set it to the key.',
  });
}
