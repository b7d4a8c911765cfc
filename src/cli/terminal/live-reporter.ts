import { look, NO_WINDOW, ratesOf } from '../../batch/rates.js';
import { createBlock } from './block.js';
import { createDrawing } from './drawing.js';
import { liveView, type Room } from './live-view.js';
import { startLines } from './plain-reporter.js';
import type { Reporter, ReporterStream } from './reporter.js';
import { safeStream } from './safe-stream.js';
import { chooseStyle } from './style.js';
import { summaryView } from './summary-view.js';
import { clean, cleanLines } from './text.js';
import { createNews } from './wait-view.js';

/** Columns that lines are kept within, and the size of a terminal that does not tell. */
const WIDTH = 80;
const DEFAULT_ROWS = 24;

/** A reporter for terminals: a block that is redrawn in place, with notes above it. */
export function createLiveReporter(stream: ReporterStream, env: NodeJS.ProcessEnv, now: () => number): Reporter {
  const out = safeStream(stream);
  const style = chooseStyle(env);
  const block = createBlock(out.write, () => stream.columns || WIDTH);
  const newsOf = createNews();
  let window = NO_WINDOW;
  let isOver = false;
  const drawing = createDrawing(stream, (progress, turn) => {
    // A terminal that does not keep up gets the next frame instead.
    if (out.isBusy()) return;
    const frame = { progress, rates: ratesOf(window, progress.items), now: now(), turn };
    block.draw(liveView(frame, roomOf(stream), style));
  });
  const print = (lines: readonly string[]): void => {
    block.printAbove(lines.map((line) => `${line}\n`).join(''));
  };
  const clear = (): void => {
    drawing.stop();
    block.erase();
    block.leave();
  };
  const close = (): void => {
    isOver = true;
    drawing.flush();
    drawing.stop();
    block.leave();
  };
  return {
    note: (message) => print(cleanLines(message)),
    warn: (message) => print(cleanLines(`warning: ${message}`).map(style.warn)),
    start: (run) => print(startLines(run)),
    progress: (progress) => {
      if (isOver) return;
      window = look(window, progress, now());
      const { notes } = newsOf(progress);
      if (notes.length > 0) print(notes.map((note) => clean(`note: ${note}`)));
      drawing.show(progress);
    },
    finish: (progress, summary, where) => {
      if (summary === undefined) {
        if (!isOver) drawing.show(progress);
      } else {
        clear();
        out.write(`${summaryView(summary, where)}\n`);
      }
      close();
    },
    clear,
    close,
  };
}

/** A line as wide as the terminal would leave the cursor in doubt, and the cursor takes the last row. */
function roomOf({ columns, rows }: ReporterStream): Room {
  return {
    width: Math.max(1, Math.min(WIDTH, (columns || WIDTH + 1) - 1)),
    lines: Math.max(1, (rows || DEFAULT_ROWS) - 1),
  };
}
