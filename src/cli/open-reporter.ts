import type { Io } from './io.js';
import { chooseMode, createReporter } from './terminal/create-reporter.js';
import type { Reporter } from './terminal/reporter.js';

/** The reporter that suits standard error. */
export function openReporter(json: boolean, { stderr, env }: Io): Reporter {
  return createReporter({ mode: chooseMode({ json, isTTY: stderr.isTTY, env }), stream: stderr, env });
}
