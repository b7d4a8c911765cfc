import { type Context, createContext, Script } from 'node:vm';
import { systemCode } from '../system-error.js';

/** Code that was cut off since it took too long. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}

/** Part of the limit after which the time was the work's own: a little is always that of others. */
const OWN_TIME = 0.8;

/** Made for the first call: most runs need none. */
let context: Context | undefined;
const script = new Script('run()');

/**
 * Returns what `work` returns. Throws a {@link TimeLimitError} once it has taken `limitMs`: V8 cuts it off wherever it is, in
 * a regular expression too. Each call costs a tenth of a millisecond, for the thread that watches it. Work that is cut off
 * is done again until the process has had most of that time on a processor, in all: it may be stopped, or share one with
 * others.
 */
export function withinTime<T>(limitMs: number, work: () => T): T {
  const done: { readonly value: T }[] = [];
  context ??= createContext({});
  context.run = () => done.push({ value: work() });
  const start = process.cpuUsage();
  for (;;) {
    try {
      script.runInContext(context, { timeout: limitMs });
    } catch (error) {
      // By its code alone: the error is one of the other context.
      if (systemCode(error) !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    }
    const [first] = done;
    if (first !== undefined) return first.value;
    const { user, system } = process.cpuUsage(start);
    if (user + system > limitMs * 1000 * OWN_TIME) throw new TimeLimitError(`not done within ${limitMs} ms`);
  }
}
