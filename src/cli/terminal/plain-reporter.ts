import type { Progress } from '../../batch/progress.js';
import { look, NO_WINDOW, ratesOf } from '../../batch/rates.js';
import { formatItems } from './format.js';
import { plainLine } from './plain-line.js';
import type { Reporter, ReporterStream, RunStart } from './reporter.js';
import { safeStream } from './safe-stream.js';
import { summaryView } from './summary-view.js';
import { clean, cleanLines } from './text.js';
import { createNews, waitLine } from './wait-view.js';

/** The first line about progress comes after so long, ms; then one every 10 s, and every 30 s in a long run. */
const FIRST_MS = 2_000;
const OFTEN_MS = 10_000;
const SELDOM_MS = 30_000;
const LONG_RUN_MS = 300_000;

/** Polls come a little early at times: a line is not put off by a whole poll for that. */
const SLACK_MS = 100;

/** A reporter for logs: whole lines, without control characters, at sensible intervals. */
export function createPlainReporter(stream: ReporterStream, now: () => number): Reporter {
  const out = safeStream(stream);
  const print = (line: string): void => out.write(`${line}\n`);
  const isDue = pace();
  const newsOf = createNews();
  let window = NO_WINDOW;
  return {
    note: (message) => cleanLines(message).forEach(print),
    warn: (message) => cleanLines(`warning: ${message}`).forEach(print),
    start: (run) => startLines(run).forEach(print),
    progress: (progress) => {
      const at = now();
      window = look(window, progress, at);
      const { wait, notes } = newsOf(progress);
      for (const note of notes) print(`note: ${clean(note)}`);
      if (wait !== undefined) print(`waiting: ${waitLine(wait, at)}`);
      if (isDue(progress, at)) print(plainLine(progress, ratesOf(window, progress.items), at));
    },
    finish: (progress, summary, where) => {
      print(summary === undefined ? plainLine(progress, {}, now()) : summaryView(summary, where));
    },
    clear: () => undefined,
    close: () => undefined,
  };
}

/** What is said of a run that begins. */
export function startLines({ runId, uiUrl, items }: RunStart): string[] {
  const size = items === undefined ? '' : ` · ${formatItems(items)}`;
  return [`run ${clean(runId)}${size}`, ...(uiUrl === undefined ? [] : [`Web UI: ${clean(uiUrl)}`])];
}

/** Tells of each snapshot whether a line about it is due: at once when the state changes, else at intervals. */
function pace(): (progress: Progress, at: number) => boolean {
  let firstAt: number | undefined;
  let saidAt: number | undefined;
  let saidState: Progress['state'] | undefined;
  return ({ state }, at) => {
    firstAt ??= at;
    const isChange = saidState !== undefined && state !== saidState;
    saidState ??= state;
    const wait = saidAt === undefined ? FIRST_MS : at - firstAt > LONG_RUN_MS ? SELDOM_MS : OFTEN_MS;
    if (!isChange && at - (saidAt ?? firstAt) < wait - SLACK_MS) return false;
    saidAt = at;
    saidState = state;
    return true;
  };
}
