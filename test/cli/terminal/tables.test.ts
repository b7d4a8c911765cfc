import { describe, expect, test } from 'vitest';
import { formatMoment } from '../../../src/cli/terminal/format.js';
import { modelsTable, runsTable, statusView, summaryView } from '../../../src/cli/terminal/tables.js';
import { widthOf } from '../../../src/cli/terminal/text.js';
import { modelAt, progressAt, START, summaryAt } from './runs.js';

function widest(page: string): number {
  return Math.max(...page.split('\n').map(widthOf));
}

describe('tables', () => {
  test('models stand under their titles, wide names too', () => {
    expect(
      modelsTable([
        { id: 'qwen3.5:9b', modality: 'vision', nodes: 1200 },
        { id: '模型:1b', modality: 'text', nodes: 3 },
      ]).split('\n'),
    ).toEqual(['MODEL       MODALITY  NODES', 'qwen3.5:9b  vision    1,200', '模型:1b     text          3']);
    expect(modelsTable([])).toBe('No model has nodes now.');
  });

  test('runs show when they began and how long they took; ids are whole', () => {
    const id = `batch-${'x'.repeat(90)}`;
    const [, running, ended] = runsTable([
      { id, state: 'running', items: 12_000, ok: 100, failed: 2, startedAt: START },
      { id: 'batch-2', state: 'completed', items: 5, ok: 5, failed: 0, startedAt: START, endedAt: START + 65_000 },
    ]).split('\n');
    const moment = formatMoment(START).slice(5, 16);
    expect(running?.replace(/ +/g, ' ')).toBe(`${id} running 12,000 100 2 ${moment} -`);
    expect(ended?.replace(/ +/g, ' ')).toBe(`batch-2 completed 5 5 0 ${moment} 1m 05s`);
    expect(runsTable([])).toBe('No runs.');
  });

  test('why a run does not go on stands beside its state', () => {
    const table = runsTable([
      { id: 'held', state: 'paused', pausedBy: 'refused', startedAt: START },
      { id: 'slow', state: 'waiting', waiting: { text: 'x', since: Date.now() - 180_000 }, startedAt: START },
    ]);
    expect(table).toMatch(/^held +paused: refused +-/m);
    expect(table).toMatch(/^slow +waiting 3m 0\ds +-/m);
  });

  test('what nobody knows of a run is a dash, and a line of usual length fits', () => {
    const known = { id: 'prompts-8174f1a9c4eb', items: 12_345, startedAt: START };
    const table = runsTable([
      { id: 'left', state: 'no-worker', startedAt: START },
      { ...known, state: 'cancelled', ok: 12_345, failed: 12_345, endedAt: START + 86_400_000 },
    ]);
    expect(table).toMatch(/^left +no worker +- +- +- +[\d-]+ [\d:]+ +-$/m);
    expect(widest(table)).toBeLessThanOrEqual(80);
  });
});

describe('a wait and notes', () => {
  const notes = [`qwen: the endpoint refuses ${'timeout_secs '.repeat(10)}; it is left out`];

  test('are on the page of a run, within 80 columns', () => {
    const waiting = { text: 'connection refused '.repeat(8), since: START, until: START + 900_000 };
    const page = statusView('batch-1', progressAt({ waiting, notes }), undefined, START + 60_000);
    expect(page).toMatch(/^Waiting {3}connection refused/m);
    expect(page).toMatch(/^ {10}since \d\d:\d\d:\d\d \(1m 00s\), until \d\d:\d\d:\d\d$/m);
    expect(page).toMatch(/^Note {6}qwen: the endpoint refuses/m);
    expect(widest(page)).toBeLessThanOrEqual(80);
  });

  test('notes are on the page of what a run came to', () => {
    const page = summaryView(summaryAt({ notes }));
    expect(page).toMatch(/^ {2}Note {6}qwen: the endpoint refuses/m);
    expect(widest(page)).toBeLessThanOrEqual(80);
  });
});

describe('the page of a run', () => {
  const progress = progressAt({
    state: 'waiting',
    reason: 'no model takes vision now; next look at 12:00:20 UTC',
    ok: 430,
    failed: 20,
    truncated: 3,
    tokens: 1_200_000,
    requests: 500,
    retries: 7,
    latency: { p50Ms: 812, p95Ms: 2140 },
    rates: { requestsPerSecond: 4.2, tokensPerSecond: 10_300, etaMs: 130_000 },
    spending: { tokens: 1_210_000, maxTotalTokens: 2_000_000, credits: 12 },
    models: [modelAt('a-model-with-a-name-that-is-much-too-long-for-a-table:9b', { sent: 450, ok: 430, down: true })],
    lastFailures: [{ item: 17, model: 'qwen3.5:9b', error: `400: ${'no '.repeat(60)}` }],
  });

  test('says the state with its reason, the counts, the models and the newest failures', () => {
    const page = statusView('batch-1', progress, 'http://127.0.0.1:8233/x');
    expect(page).toContain('Run       batch-1\n');
    expect(page).toContain('State     waiting: no model takes vision now; next look at 12:00:20 UTC\n');
    expect(page).toContain(
      'Done      450 of 1,000 items (45%)\n          430 ok (3 cut at the token limit), 20 failed\n',
    );
    expect(page).toContain(
      'Rate      4.2 requests/s, 10.3k tokens/s, ETA 2m 10s\nAnswers   p50 0.8s, p95 2.1s\n' +
        'Requests  500, 7 of them retries\nTokens    1.2M of 2,000,000 at most\nCredits   12\n',
    );
    expect(page).toContain('Web UI    http://127.0.0.1:8233/x\n');
    expect(page).toMatch(/a-model-with-a-name… {2}down +4 +450 +430 +0 +0 +0 +-\n/u);
    expect(page).toMatch(/Newest failures:\n {2}#17 qwen3.5:9b {2}400: no no .*…$/u);
  });

  test('says what came from a cache', () => {
    const page = statusView('batch-1', { ...progress, cachedTokens: 400_000 });
    expect(page).toContain('Tokens    1.2M of 2,000,000 at most, 400k from a cache\n');
  });

  test('fits 80 columns', () => {
    expect(widest(statusView('batch-1', progress))).toBeLessThanOrEqual(80);
  });

  test('of a run that has done nothing says just that', () => {
    const page = statusView('batch-1', progressAt({ state: 'starting', items: 0 }));
    expect(page).toContain('Done      0 of 0 items (0%)');
    expect(page).not.toContain('failures');
  });
});

test('the page of a run that nobody works on does not show what only a worker knows as zero', () => {
  const counted = progressAt({ ok: 50, permits: { total: 0, used: 0 }, requests: 0, retries: 0, tokens: 0 });
  const page = statusView('batch-1', counted);
  expect(page).toContain('50 ok');
  expect(page).not.toMatch(/^(Requests|Tokens|Permits)/m);
});

describe('the summary', () => {
  test('accounts for every item and says where the results are', () => {
    const page = summaryView(summaryAt(), '/data/out.jsonl');
    expect(page).toContain(
      'Items     1,000 = 990 ok + 10 failed\n            7 failed: 503\n            3 failed: timeout',
    );
    expect(page).toContain('Cut       2 items at the token limit');
    expect(page).toContain('Moved     5 items to another model');
    expect(page).toContain(
      'Tokens    1.2M\n  Requests  1,020 (10.2/s)\n  Time      1m 40s\n  Results   /data/out.jsonl',
    );
    expect(page).toMatch(/qwen3.5:9b +4 +990 +10 +5/);
    expect(widest(page)).toBeLessThanOrEqual(80);
  });

  test('says what came from a cache', () => {
    const page = summaryView(summaryAt({ cachedTokens: 400_000, wastedTokens: 1_000 }));
    expect(page).toContain('Tokens    1.2M, 400k of them from a cache, and 1.0k for answers of no use\n');
    expect(widest(page)).toBeLessThanOrEqual(80);
  });

  test('leaves out what did not happen', () => {
    const page = summaryView(
      summaryAt({ ok: 1000, failed: 0, failedByKind: {}, truncated: 0, fallbacks: 0, endedAt: START, models: [] }),
    );
    expect(page.split('\n').map((line) => line.trim().split(' ')[0])).toEqual([
      'Run',
      '',
      'Items',
      'Tokens',
      'Requests',
      'Time',
    ]);
    expect(page).not.toContain('Infinity');
  });
});
