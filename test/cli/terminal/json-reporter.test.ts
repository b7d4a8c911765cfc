import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Progress } from '../../../src/batch/progress.js';
import { createReporter } from '../../../src/cli/terminal/create-reporter.js';
import type { Reporter } from '../../../src/cli/terminal/reporter.js';
import { modelAt, progressAt, Recorder, START, summaryAt } from './runs.js';

const eventSchema = z.looseObject({ type: z.string(), time: z.iso.datetime() });

interface Script {
  readonly reporter: Reporter;
  readonly at: (seconds: number, facts?: Partial<Progress>) => void;
  readonly events: () => z.infer<typeof eventSchema>[];
}

function script(): Script {
  const stream = new Recorder();
  let now = START;
  const reporter = createReporter({ mode: 'json', stream, env: { FORCE_COLOR: '1' }, now: () => now });
  return {
    reporter,
    at: (seconds, facts = {}) => {
      now = START + seconds * 1000;
      reporter.progress(progressAt(facts));
    },
    events: () => stream.lines.map((line) => eventSchema.parse(JSON.parse(line))),
  };
}

test('every line is one JSON object with its type and time', () => {
  const { reporter, at, events } = script();
  reporter.note('starting\nthe server');
  reporter.warn('slow');
  reporter.start({ runId: 'batch-1', uiUrl: 'http://127.0.0.1:1/x', items: 1000 });
  at(1);
  reporter.finish(progressAt({ state: 'completed' }), summaryAt(), 'out.jsonl');
  reporter.close();
  const time = '2026-01-31T12:00:00.000Z';
  expect(events().slice(0, 3)).toEqual([
    { type: 'note', time, message: 'starting\nthe server' },
    { type: 'warning', time, message: 'slow' },
    { type: 'start', time, run_id: 'batch-1', ui_url: 'http://127.0.0.1:1/x', items: 1000 },
  ]);
  expect(events().map(({ type }) => type)).toEqual(['note', 'warning', 'start', 'progress', 'finish']);
});

test('a progress line holds flat facts, with rates and the time left once they are known', () => {
  const { at, events } = script();
  const models = [modelAt('qwen3.5:9b', { ok: 100, tokens: 7 })];
  for (let second = 0; second <= 10; second += 1) {
    at(second, { ok: 9 * second, failed: second, requests: 11 * second, tokens: 505 * second, models });
  }
  expect(events()[0]).not.toHaveProperty('eta_s');
  expect(events().at(-1)).toMatchObject({
    type: 'progress',
    state: 'running',
    items: 1000,
    done: 100,
    ok: 90,
    failed: 10,
    tokens: 5050,
    requests: 110,
    requests_per_s: 11,
    tokens_per_s: 505,
    eta_s: 90,
    elapsed_s: 10,
    models,
  });
});

test('a line a second at most, and one at once when the state changes', () => {
  const { at, events } = script();
  for (let step = 0; step < 40; step += 1) at(step / 4);
  at(9.8, { state: 'paused', reason: 'out of credits' });
  expect(events()).toHaveLength(11);
  expect(events().at(-1)).toMatchObject({ state: 'paused', reason: 'out of credits' });
});

test('the end holds the whole account', () => {
  const { reporter, events } = script();
  const summary = summaryAt();
  reporter.finish(progressAt({ state: 'completed', ok: 990, failed: 10 }), summary, 'out.jsonl');
  expect(events()).toMatchObject([
    {
      type: 'finish',
      state: 'completed',
      run_id: 'batch-1',
      ok: 990,
      failed: 10,
      failed_by_kind: { '503': 7, timeout: 3 },
      fallbacks: 5,
      elapsed_s: 100,
      requests_per_s: 10.2,
      output: 'out.jsonl',
    },
  ]);
});

test('a wait is in every line of its time, and a note is one event', () => {
  const { at, events } = script();
  const waiting = { text: 'connection refused', since: START, until: START + 900_000 };
  at(0, { state: 'waiting', waiting, notes: ['a note'] });
  at(2, { state: 'paused', pausedBy: 'refused', reason: '404: no such model', notes: ['a note'] });
  expect(events()).toMatchObject([
    { type: 'note', message: 'a note' },
    { type: 'progress', state: 'waiting', waiting },
    { type: 'progress', state: 'paused', paused_by: 'refused', reason: '404: no such model' },
  ]);
});
