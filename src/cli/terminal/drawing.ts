import type { Progress } from '../../batch/progress.js';
import type { ReporterStream } from './reporter.js';

/** Least time between two frames, ms: what comes faster is drawn together. */
const FRAME_MS = 100;

/** Time between frames when nothing is new, ms: the elapsed time goes on. */
const TICK_MS = 500;

/** When frames are drawn: on snapshots, ticks and resizes. Nothing of it keeps the process alive. */
export interface Drawing {
  /** Draws a snapshot, at once or as soon as a frame is due, and again at every tick. */
  show(progress: Progress): void;
  /** Draws now what waits for its frame. */
  flush(): void;
  /** Draws no more until the next snapshot. */
  stop(): void;
}

/** Drawing on a terminal. `drawFrame` is given the number of the tick, which turns a spinner. */
export function createDrawing(stream: ReporterStream, drawFrame: (progress: Progress, turn: number) => void): Drawing {
  let shown: Progress | undefined;
  let turn = 0;
  let isDue = false;
  let ticker: NodeJS.Timeout | undefined;
  let cooling: NodeJS.Timeout | undefined;

  const flush = (): void => {
    if (isDue && shown !== undefined) drawFrame(shown, turn);
    isDue = false;
  };
  const redraw = (): void => {
    if (shown === undefined) return;
    isDue = true;
    if (cooling !== undefined) return;
    flush();
    cooling = setTimeout(() => {
      cooling = undefined;
      if (isDue) redraw();
    }, FRAME_MS).unref();
  };
  const tick = (): void => {
    turn += 1;
    redraw();
  };
  const begin = (): void => {
    ticker = setInterval(tick, TICK_MS).unref();
    stream.on('resize', redraw);
  };
  const stop = (): void => {
    clearInterval(ticker);
    clearTimeout(cooling);
    cooling = undefined;
    stream.off('resize', redraw);
    shown = undefined;
  };
  const show = (progress: Progress): void => {
    if (shown === undefined) begin();
    shown = progress;
    redraw();
  };
  return { show, flush, stop };
}
