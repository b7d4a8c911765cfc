import { SEARCH_ATTRIBUTES } from '../batch/search-names.js';
import { UserError } from './errors.js';
import type { Session } from './session.js';

/** Throws a `UserError` unless the namespace has what a run with `--search-attributes` sets: it could not begin. */
export async function checkSearchAttributes({ batches }: Session): Promise<void> {
  if (await batches.hasSearchAttributes()) return;
  const names = Object.values(SEARCH_ATTRIBUTES);
  const flags = names.map((name) => `--name ${name} --type Keyword`).join(' ');
  throw new UserError(`--search-attributes: the namespace has no ${names.join(', ')}`, {
    exitCode: 2,
    hint: `Make them, once: temporal operator search-attribute create ${flags}`,
  });
}
