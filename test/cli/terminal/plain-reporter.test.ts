import { expect, test } from 'vitest';
import type { Progress } from '../../../src/batch/progress.js';
import { createReporter } from '../../../src/cli/terminal/create-reporter.js';
import { formatMoment } from '../../../src/cli/terminal/format.js';
import type { Reporter } from '../../../src/cli/terminal/reporter.js';
import { modelAt, progressAt, Recorder, START, summaryAt } from './runs.js';

interface Log {
  readonly reporter: Reporter;
  readonly stream: Recorder;
  /** Shows a snapshot `seconds` after the start of the run. */
  readonly at: (seconds: number, facts?: Partial<Progress>) => void;
}

function log(): Log {
  const stream = new Recorder();
  let now = START;
  const reporter = createReporter({ mode: 'plain', stream, env: { FORCE_COLOR: '1' }, now: () => now });
  const at = (seconds: number, facts: Partial<Progress> = {}): void => {
    now = START + seconds * 1000;
    reporter.progress(progressAt(facts));
  };
  return { reporter, stream, at };
}

function secondsSaid(stream: Recorder): string[] {
  return stream.lines.map((line) => /elapsed (\S+( \d+s)?)/.exec(line)?.[1] ?? line);
}

test('a line holds every fact', () => {
  const { stream, at } = log();
  const models = [
    modelAt('qwen3.5:9b', { ok: 8 }),
    modelAt('lfm2:24b', { ok: 12, failed: 1, fallbacks: 3, down: true }),
  ];
  for (let second = 0; second <= 2; second += 1) at(second, { ok: second });
  for (let second = 3; second <= 12; second += 1) {
    at(second, { ok: 10 * second - 10, failed: 10, tokens: 1000 * second, requests: 12 * second, models });
  }
  expect(stream.lines[1]).toBe(
    'running 120/1,000 (12%) · 110 ok · 10 failed · 12.0 req/s · 12.0k tokens (1.0k/s) · elapsed 12s · ETA 1m 28s' +
      ' · qwen3.5:9b 8, lfm2:24b 12 (1 failed, 3 fallbacks, down)',
  );
});

test('lines come after 2 s, then every 10 s, and every 30 s in a long run', () => {
  const { stream, at } = log();
  for (let second = 0; second <= 420; second += 1) at(second, { ok: second });
  const said = secondsSaid(stream);
  expect(said.slice(0, 4)).toEqual(['2s', '12s', '22s', '32s']);
  expect(said.slice(-4)).toEqual(['5m 22s', '5m 52s', '6m 22s', '6m 52s']);
});

test('a change of state is told at once, with its reason', () => {
  const { stream, at } = log();
  at(0, { state: 'starting', items: 0 });
  at(1);
  at(1.2, { state: 'paused', reason: 'out of credits' });
  at(1.4, { state: 'paused', reason: 'out of credits' });
  at(1.6);
  expect(stream.lines.map((line) => line.split(' · ').slice(0, 2))).toEqual([
    ['running 0/1,000 (0%)', '0 ok'],
    ['paused 0/1,000 (0%)', 'out of credits'],
    ['running 0/1,000 (0%)', '0 ok'],
  ]);
});

test('a log has no control characters, whatever the names and messages', () => {
  const { reporter, stream, at } = log();
  const evil = 'a\u001b[31mb\rc\td\u0000';
  reporter.note(evil);
  reporter.warn(`first\n${evil}`);
  reporter.start({ runId: evil, uiUrl: evil, items: 2 });
  at(0, {});
  at(3, { reason: evil, models: [modelAt(evil)] });
  reporter.finish(progressAt(), summaryAt({ runId: evil, failedByKind: { [evil]: 2 } }), evil);
  reporter.close();
  expect(stream.text).not.toMatch(/[^\P{Cc}\n]/u);
  expect(stream.lines.slice(0, 5)).toEqual(['ab', 'c d', 'warning: first', 'ab', 'c d']);
  expect(stream.lines.slice(5, 7)).toEqual(['run ab c d · 2 items', 'Web UI: ab c d']);
});

test('the end is told with the summary, else with the last counts', () => {
  const { reporter, stream } = log();
  reporter.finish(progressAt({ state: 'cancelled', ok: 4 }));
  reporter.finish(progressAt({ state: 'completed' }), summaryAt(), 'out.jsonl');
  expect(stream.lines[0]).toMatch(/^cancelled 4\/1,000 \(0%\) · 4 ok/);
  expect(stream.lines[1]).toBe('Run batch-1 has ended.');
});

test('a stream that is gone is written to without harm', () => {
  const { reporter, stream, at } = log();
  stream.destroy(new Error('EPIPE'));
  reporter.note('x');
  at(0);
  at(5);
  reporter.finish(progressAt());
  reporter.close();
  expect(stream.text).toBe('');
});

test('a wait and a note are said once each, with the times of the wait', () => {
  const { stream, at } = log();
  const waiting = { text: 'connection refused\u001b[2J (127.0.0.1:9)', since: START, until: START + 900_000 };
  const notes = ['qwen: the endpoint refuses timeout_secs; it is left out'];
  at(0, { waiting });
  at(0.5, { waiting, notes });
  at(1, { waiting: { ...waiting, until: START + 960_000 }, notes });
  at(1.5, { waiting: { ...waiting, text: '503: Loading model' }, notes });
  const time = (ms: number): string => formatMoment(START + ms).slice(11);
  expect(stream.lines).toEqual([
    `waiting: connection refused (127.0.0.1:9) · since ${time(0)} · until ${time(900_000)}`,
    'note: qwen: the endpoint refuses timeout_secs; it is left out',
    `waiting: 503: Loading model · since ${time(0)} · until ${time(900_000)}`,
  ]);
});
