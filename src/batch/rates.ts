import { own } from './own.js';
import type { Rates, RunState } from './progress.js';

/** What was counted at a moment. */
interface Sample {
  /** Epoch ms. */
  readonly at: number;
  /** Items that were asked and have ended. */
  readonly done: number;
  /** Items that have ended, asked or not. */
  readonly ended: number;
  readonly requests: number;
  readonly tokens: number;
  /** Tokens by model. */
  readonly models: Readonly<Record<string, number>>;
}

/** What is looked at: a run's progress has it. */
export interface Speedometer {
  readonly state: RunState;
  readonly ok: number;
  readonly failed: number;
  readonly reused?: number | undefined;
  readonly requests: number;
  readonly tokens: number;
  readonly models: readonly { readonly id: string; readonly tokens: number }[];
}

/** The samples of the present stretch of work, oldest first. */
export interface RateWindow {
  readonly working: boolean;
  readonly samples: readonly Sample[];
}

/** Nothing seen yet. */
export const NO_WINDOW: RateWindow = { working: false, samples: [] };

/** A window that long evens out that chunks report every few seconds. */
const WINDOW_MS = 60_000;

/** A slow run is looked at for longer, until it did so many items in the window, or for so long. */
const WINDOW_ITEMS = 20;
const LONGEST_WINDOW_MS = 600_000;

/** Samples closer than that tell nothing apart, ms; there are never more than a few hundred. */
const APART_MS = 250;

/** Before that, a rate is chance. */
const MEANINGFUL_MS = 3_000;
const MEANINGFUL_ITEMS = 3;

/** The window after one more snapshot. A run that was paused or waited starts a new one, else its pause would count. */
export function look(window: RateWindow, run: Speedometer, at: number, apartMs = APART_MS): RateWindow {
  const working = run.state === 'running';
  const { requests, tokens } = run;
  const models = Object.fromEntries(run.models.map((model) => [model.id, model.tokens]));
  const ended = run.ok + run.failed;
  const sample: Sample = { at, done: ended - (run.reused ?? 0), ended, requests, tokens, models };
  if (!working || !window.working) return { working, samples: [sample] };
  return { working, samples: forget([...spread(window.samples, at, apartMs), sample], at) };
}

/** Without the newest sample when it is too close to the one before it, so that the samples stay few. */
function spread(samples: readonly Sample[], at: number, apartMs: number): readonly Sample[] {
  const before = samples.at(-2);
  return before !== undefined && at - before.at < apartMs ? samples.slice(0, -1) : samples;
}

function forget(samples: readonly Sample[], now: number): readonly Sample[] {
  const newest = samples.at(-1);
  const isOld = (sample: Sample): boolean => {
    const age = now - sample.at;
    return age > LONGEST_WINDOW_MS || (age > WINDOW_MS && (newest?.done ?? 0) - sample.done >= WINDOW_ITEMS);
  };
  // The newest of the old ones is where the window begins.
  const first = samples.findLastIndex(isOld);
  return first > 0 ? samples.slice(first) : samples;
}

/** Tokens a second of one model over a window; undefined until it means something. */
export function modelRate({ working, samples }: RateWindow, model: string): number | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!working || first === undefined || last === undefined || last.at - first.at < MEANINGFUL_MS) return undefined;
  const tokens = (own(last.models, model) ?? 0) - (own(first.models, model) ?? 0);
  return (Math.max(0, tokens) * 1000) / (last.at - first.at);
}

/** The rates over a window, and the time left for a run of so many items. */
export function ratesOf({ working, samples }: RateWindow, items: number): Rates {
  const first = samples[0];
  const last = samples.at(-1);
  if (!working || first === undefined || last === undefined) return {};
  const ms = last.at - first.at;
  if (ms < MEANINGFUL_MS) return {};
  const perSecond = (count: number): number => Math.max(0, (count * 1000) / ms);
  const done = last.done - first.done;
  const left = items - last.ended;
  return {
    requestsPerSecond: perSecond(last.requests - first.requests),
    tokensPerSecond: perSecond(last.tokens - first.tokens),
    ...(done >= MEANINGFUL_ITEMS && left > 0 ? { etaMs: (left * ms) / done } : {}),
  };
}
