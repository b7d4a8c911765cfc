import type { Progress } from '../../batch/progress.js';
import type { RunSummary } from '../../batch/summary.js';
import type { OutputStream } from '../io.js';

/** Where a reporter writes. `rows` is the height of a terminal. */
export type ReporterStream = OutputStream & { readonly rows?: number };

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
