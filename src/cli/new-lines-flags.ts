import { UserError } from './errors.js';
import type { ResultsFlags } from './run-flags.js';

/** The reader of those who name none. */
export const DEFAULT_CURSOR = 'default';

/** Throws a `UserError` for flags about new lines that do not go together. */
export function checkNewLines({ sinceLast, follow, cursor, partial, failed, output }: ResultsFlags): void {
  if (!sinceLast) refuse(`${follow ? '--follow' : '--cursor'} needs --since-last`);
  const [other] = [...(partial ? ['--partial'] : []), ...(failed ? ['--failed'] : [])];
  if (other !== undefined) refuse(`--since-last and ${other} are both given: use one of them`);
  if (follow && output !== undefined)
    refuse('--follow writes to standard output: leave -o out, and give >> with a file');
  if (cursor !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(cursor)) {
    refuse('--cursor: letters, digits, ".", "_" and "-" only, 100 characters at most');
  }
}

function refuse(message: string): never {
  throw new UserError(message, { exitCode: 2 });
}
