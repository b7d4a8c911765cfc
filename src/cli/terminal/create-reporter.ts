import { createJsonReporter } from './json-reporter.js';
import { createLiveReporter } from './live-reporter.js';
import { createPlainReporter } from './plain-reporter.js';
import type { Reporter, ReporterStream } from './reporter.js';

/** How a run is shown: one JSON object a line, plain lines, or a block that is redrawn in place. */
export type ReporterMode = 'json' | 'plain' | 'live';

/** What a reporter is made of. */
export interface ReporterOptions {
  readonly mode: ReporterMode;
  readonly stream: ReporterStream;
  readonly env: NodeJS.ProcessEnv;
  /** The clock, epoch ms. */
  readonly now?: () => number;
}

/** A reporter of the given mode. */
export function createReporter(options: ReporterOptions): Reporter {
  const { mode, stream, env, now = Date.now } = options;
  if (mode === 'json') return createJsonReporter(stream, now);
  if (mode === 'plain') return createPlainReporter(stream, now);
  return createLiveReporter(stream, env, now);
}

/** What decides how to show a run. */
export interface ModeChoice {
  /** `--json` was given. */
  readonly json: boolean;
  /** Whether the stream is a terminal. */
  readonly isTTY: boolean | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** The mode for a stream: JSON when asked for, plain lines without a capable terminal and in CI, else live. */
export function chooseMode({ json, isTTY, env }: ModeChoice): ReporterMode {
  if (json) return 'json';
  return isTTY !== true || env.TERM === 'dumb' || isSet(env.CI) ? 'plain' : 'live';
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}
