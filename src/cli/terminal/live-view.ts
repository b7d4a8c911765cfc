import type { Progress, Rates, RunState } from '../../batch/progress.js';
import { formatCount, formatDuration, percentOf } from './format.js';
import { MODEL_PROGRESS_COLUMNS } from './model-columns.js';
import { speedFacts } from './plain-line.js';
import { failureLine } from './status-view.js';
import type { Style } from './style.js';
import { tableLines } from './table.js';
import { clean, clip } from './text.js';
import { waitTimes } from './wait-view.js';

/** Room for the block on the screen. */
export interface Room {
  /** Columns a line may take. */
  readonly width: number;
  /** Lines the block may take; at least 1. */
  readonly lines: number;
}

/** What is drawn. */
export interface Frame {
  readonly progress: Progress;
  readonly rates: Rates;
  /** Epoch ms. */
  readonly now: number;
  /** Number of the frame, which turns the spinner. */
  readonly turn: number;
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FAILURES_SHOWN = 2;
const WIDEST_BAR = 40;

/**
 * The block of a running batch: at most `room.lines` lines of at most `room.width` columns. The bar and the counts
 * come first; where the screen is low, the failures go, then models are left out with their number said.
 */
export function liveView(frame: Frame, room: Room, style: Style): string[] {
  const { progress } = frame;
  const clipped = (line: string): string => clip(line, room.width);
  const head = [barLine(frame, room.width, style), ...headLines(frame).map(clipped)];
  const reason = stateLines(frame, room.width).map(style.warn);
  const failures = progress.lastFailures.slice(-FAILURES_SHOWN).map((failure) => clipped(failureLine(failure)));
  const top = [head[0] ?? '', ...reason, ...head.slice(1)].slice(0, room.lines);
  const models = modelLines(progress, room.lines - top.length, style, room.width);
  const free = room.lines - top.length - models.length;
  return [...top, ...models, ...(free > 0 ? failures.slice(-free).map(style.bad) : [])];
}

/** Why the run does not go on, a line each: the reason of its state, and the wait for an endpoint with its times. */
function stateLines({ progress, now }: Frame, width: number): string[] {
  const { state, reason, waiting } = progress;
  const reasons = reason === undefined || reason === waiting?.text ? [] : [clip(`${state}: ${clean(reason)}`, width)];
  if (waiting === undefined) return reasons;
  // The times stay on a narrow terminal; the text is what gives way.
  const times = ` · ${waitTimes(waiting, now)}`;
  const room = width - times.length;
  const line =
    room < 20 ? `waiting: ${clean(waiting.text)}${times}` : `${clip(`waiting: ${clean(waiting.text)}`, room)}${times}`;
  return [...reasons, clip(line, width)];
}

/** `⠋ running  ━━━━━━────── 1,234/10,000  12%` */
function barLine({ progress, turn }: Frame, width: number, style: Style): string {
  const { state, items, ok, failed } = progress;
  const label = `${mark(state, turn)} ${state} `;
  const counts = ` ${formatCount(ok + failed)}/${formatCount(items)} ${percentOf(ok + failed, items)}%`;
  const room = Math.min(WIDEST_BAR, width - label.length - counts.length);
  // Without room for a bar the figures are enough.
  if (room < 5) return clip(`${label}${counts.trim()}`, width);
  const filled = items === 0 ? 0 : Math.min(room, Math.floor((room * (ok + failed)) / items));
  return `${style.bold(label)}${style.good('━'.repeat(filled))}${style.dim('─'.repeat(room - filled))}${counts}`;
}

function mark(state: RunState, turn: number): string {
  if (state === 'completed') return '✓';
  if (state === 'failed' || state === 'cancelled') return '✗';
  return state === 'paused' ? '‖' : (SPINNER[turn % SPINNER.length] ?? '·');
}

function headLines({ progress, rates, now }: Frame): string[] {
  const { ok, failed, permits } = progress;
  const counts = [`${formatCount(ok)} ok`, `${formatCount(failed)} failed`, ...speedFacts(progress, rates)];
  const times = [
    ...(rates.etaMs === undefined ? [] : [`ETA ${formatDuration(rates.etaMs)}`]),
    `elapsed ${formatDuration(now - progress.startedAt)}`,
    `${formatCount(permits.used)}/${formatCount(permits.total)} permits`,
  ];
  return [counts.join(' · '), times.join(' · ')];
}

/** The models under their titles; those that did most when not all fit. */
function modelLines({ models }: Progress, most: number, style: Style, width: number): string[] {
  if (models.length === 0 || most < 2) return [];
  const fits = models.length + 1 <= most;
  const shown = fits ? models : busiest(models, most - 2);
  if (shown.length === 0) return [];
  const [titles = '', ...lines] = tableLines(MODEL_PROGRESS_COLUMNS, shown).map((line) => clip(`  ${line}`, width));
  const rows = lines.map((line, index) => (shown[index]?.down === true ? style.warn(line) : line));
  const rest = models.length - shown.length;
  return [style.dim(titles), ...rows, ...(rest > 0 ? [style.dim(clip(`  … and ${rest} more`, width))] : [])];
}

function busiest(models: Progress['models'], most: number): Progress['models'] {
  return [...models].sort((a, b) => b.ok + b.failed - a.ok - a.failed).slice(0, Math.max(0, most));
}
