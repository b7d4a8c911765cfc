import type { Progress } from '../../batch/progress.js';
import type { RunSummary } from '../../batch/summary.js';
import type { OutputStream } from '../io.js';
import { createJsonReporter } from './json-reporter.js';
import { createLiveReporter } from './live-reporter.js';
import { createPlainReporter } from './plain-reporter.js';

/** How a run is shown: one JSON object a line, plain lines, or a block that is redrawn in place. */
export type ReporterMode = 'json' | 'plain' | 'live';

/** Where a reporter writes. `rows` is the height of a terminal. */
export type ReporterStream = OutputStream & { readonly rows?: number };

/** What a reporter is made of. */
export interface ReporterOptions {
  readonly mode: ReporterMode;
  readonly stream: ReporterStream;
  readonly env: NodeJS.ProcessEnv;
  /** The clock, epoch ms. */
  readonly now?: () => number;
}

/** A run that begins to be shown. */
export interface RunStart {
  readonly runId: string;
  /** The run's page in the Temporal Web UI. */
  readonly uiUrl?: string;
  readonly items?: number;
}

/**
 * Shows a run to the person (or script) at the other end of standard error. No method throws, also when nobody
 * listens any more. `close` is always to be called: it gives the terminal back as it was.
 */
export interface Reporter {
  /** A step, in one line. */
  note(message: string): void;
  warn(message: string): void;
  start(run: RunStart): void;
  /** The newest snapshot; one a second is enough. */
  progress(progress: Progress): void;
  /** The end of a run. With a summary it is shown whole, and `where` says where the results are. */
  finish(progress: Progress, summary?: RunSummary, where?: string): void;
  /**
   * Takes what is redrawn in place off the screen until the next snapshot. To be called before anything else writes to
   * the same terminal, such as results on standard output.
   */
  clear(): void;
  /** Stops drawing and shows the cursor again. Notes and warnings still come out after it. */
  close(): void;
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
