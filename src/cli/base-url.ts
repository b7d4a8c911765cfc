import { normalBaseUrl } from '../dria/base-url.js';
import { DEFAULT_BASE_URL } from '../dria/default-base-url.js';
import { isDriaError } from '../dria/errors.js';
import { UserError } from './errors.js';

/**
 * The endpoint's base URL that is meant, in the form that runs and workers compare. Throws a `UserError` that names where
 * it was given and does not repeat it: what is refused may hold a secret.
 */
export function baseUrlFromFlags(flag: string | undefined, { DRIA_BASE_URL }: NodeJS.ProcessEnv): string {
  const given = flag ?? (DRIA_BASE_URL || DEFAULT_BASE_URL);
  try {
    return normalBaseUrl(given);
  } catch (error) {
    if (!isDriaError(error)) throw error;
    throw new UserError(`${flag === undefined ? 'DRIA_BASE_URL' : '--base-url'}: ${error.message}`, {
      exitCode: 2,
      hint: `Give an address like ${DEFAULT_BASE_URL} alone; a key goes into DRIA_API_KEY.`,
      cause: error,
    });
  }
}
