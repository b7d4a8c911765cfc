import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyReport, type BatchState, endChunk } from '../../src/batch/batch-state.js';
import type { ChunkReport } from '../../src/batch/chunk-messages.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { firstCredits, seeBalance } from '../../src/batch/credits.js';
import { describeProgress } from '../../src/batch/describe-progress.js';
import type { Progress } from '../../src/batch/progress.js';
import { NO_PROGRESS, progressOf, progressOfSummary, summaryOf } from '../../src/batch/run-view.js';
import { runSummarySchema } from '../../src/batch/summary.js';
import { cool } from './cool.js';
import { NOW, report as reportOfChunk, runOf, started, TARGETS } from './run-of-state.js';

/** A run of one chunk of ten items, with three of four permits. */
function running(): BatchState {
  return started(runOf(['t6v4'], { concurrency: 4 }), 't6v4', 3);
}

const report = (more: Partial<ChunkReport>): ChunkReport =>
  reportOfChunk(0, { inFlight: 1, open: 3, ready: 3, ...more });
const WAIT = { text: '503: no nodes available', since: NOW - 9, until: NOW + 5_000, tries: 0, minTries: 0 };

describe('the progress of a run', () => {
  it('counts items, permits and chunks', () => {
    const counts = countFailure(
      countModel({ ...NO_COUNTS, ok: 3, requests: 5, tokens: 40 }, 'text', { ok: 3 }),
      'text',
      '500: x',
    );
    const progress = progressOf(applyReport(running(), report({ counts, returned: 1 })), 'running', NOW);
    expect(progress).toMatchObject({
      state: 'running',
      items: 10,
      ok: 3,
      failed: 1,
      requests: 5,
      tokens: 40,
      chunks: { total: 1, started: 1, done: 0 },
      permits: { total: 4, used: 2 },
    });
    expect(progress.models.map(({ id, ok, failed }) => [id, ok, failed])).toEqual([
      ['text', 3, 1],
      ['vision', 0, 0],
    ]);
    expect([progress.reason, progress.waiting, progress.notes]).toEqual([undefined, undefined, undefined]);
  });

  it('has a target as down, with the words of the endpoint, for as long as it is not asked', () => {
    const state = applyReport(running(), report({ targets: cool(TARGETS, 'vision', NOW, '503: busy') }));
    const vision = (now: number) => progressOf(state, 'running', now).models.find(({ id }) => id === 'vision');
    const seen = [NOW, NOW + 4_999, NOW + 5_000].map(vision);
    expect(seen.map((model) => [model?.down, model?.why])).toEqual([
      [true, '503: busy'],
      [true, '503: busy'],
      [false, undefined],
    ]);
  });

  it.each<[string, Partial<ChunkReport>, boolean]>([
    ['nothing can be asked', { inFlight: 0, ready: 0, wait: WAIT }, true],
    ['a pack is under way', { inFlight: 1, ready: 0, wait: WAIT }, false],
    ['an item could be in a pack', { inFlight: 0, ready: 1, wait: WAIT }, false],
    ['there is no wait', { inFlight: 0, ready: 0 }, false],
  ])('is that of a run that waits, with the words and times, only if %s', (_if, more, isWaiting) => {
    const progress = progressOf(applyReport(running(), report(more)), 'running', NOW);
    expect(progress.state).toBe(isWaiting ? 'waiting' : 'running');
    expect(progress.reason).toBe(isWaiting ? WAIT.text : undefined);
    expect(progress.waiting).toEqual(isWaiting ? { text: WAIT.text, since: NOW - 9, until: NOW + 5_000 } : undefined);
  });

  it('waits from the first wait to the next try of its chunks, and not while one can go on', () => {
    const both = started(started(runOf([10, 10]), 10), 10);
    const waits = (more: Partial<ChunkReport>) =>
      reportOfChunk(1, { wait: { ...WAIT, since: 5, until: NOW + 1 }, ...more });
    const first = applyReport(both, reportOfChunk(0, { wait: WAIT }));
    expect(progressOf(applyReport(first, waits({})), 'running', NOW).waiting).toMatchObject({
      since: 5,
      until: NOW + 1,
    });
    expect(progressOf(applyReport(first, waits({ inFlight: 1 })), 'running', NOW).waiting).toBeUndefined();
  });

  it('is paused with its reason, whatever else is so, and final states stay', () => {
    const waiting = applyReport(running(), report({ inFlight: 0, ready: 0, wait: WAIT }));
    const state = { ...waiting, paused: true, pausedBy: 'credits', pausedFor: '402: out of credits' } as const;
    const progress = progressOf(state, 'running', NOW);
    expect(progress).toMatchObject({ state: 'paused', pausedBy: 'credits', reason: '402: out of credits' });
    expect(progress.waiting).toBeUndefined();
    expect(progressOf(state, 'finishing', NOW).state).toBe('finishing');
  });

  it('uses the permits that wait for an answer while it is paused, not those that are kept to go on with', () => {
    const used = (inFlight: number) =>
      progressOf({ ...applyReport(running(), report({ inFlight })), paused: true }, 'running', NOW).permits.used;
    expect([used(2), used(0)]).toEqual([2, 0]);
  });

  it('counts each chunk as started once, also those that a canary has started before their turn', () => {
    const canary = {
      phase: 'passed',
      items: '3',
      pending: [],
      started: [0, 1],
      offset: { text: 1, vision: 0, audio: 0 },
    } as const;
    const state = started({ ...runOf([10, 10, 10]), canary }, 10);
    expect(progressOf(state, 'running', NOW).chunks).toEqual({ total: 3, started: 2, done: 0 });
  });

  it('has the credits that a canary has cost while it is looked at, and not while it is asked', () => {
    const credits = seeBalance(firstCredits(1_000), 990, 100);
    const spent = (phase: 'asking' | 'review') => {
      const canary = { phase, items: '3', pending: [], started: [0], offset: { text: 1, vision: 0, audio: 0 } };
      return progressOf({ ...running(), canary, credits }, 'running', NOW).spending.credits;
    };
    expect([spent('asking'), spent('review')]).toEqual([undefined, 10]);
  });

  it('has what was learnt of the targets, and models that are no longer asked', () => {
    const counts = countModel({ ...NO_COUNTS, ok: 2 }, 'qwen3.5:9b', { ok: 2 });
    const progress = progressOf(applyReport(running(), report({ counts, notes: ['a note'] })), 'running', NOW);
    expect(progress.notes).toEqual(['a note']);
    expect(progress.models.at(-1)).toMatchObject({
      id: 'qwen3.5:9b',
      modality: 'vision',
      nodes: 0,
      ok: 2,
      down: false,
    });
  });
});

describe('the summary of a run', () => {
  it('is what its schema says, and gives the progress of a finished run', () => {
    const text = countModel({ ...NO_COUNTS, ok: 9, tokens: 90, requests: 12 }, 'text', {
      ok: 9,
      fallbacks: 2,
      tokens: 90,
    });
    const counts = countFailure(countModel(text, 'vision', { fallbacks: 1 }), 'vision', 'timeout: no answer');
    const summary = summaryOf('run-1', endChunk(running(), 0, { counts }), 'completed', NOW + 1000);
    expect(runSummarySchema.parse(JSON.parse(JSON.stringify(summary)))).toEqual(summary);
    expect(summary).toMatchObject({
      ok: 9,
      failed: 1,
      fallbacks: 3,
      failedByKind: { timeout: 1 },
      endedAt: NOW + 1000,
    });
    expect(progressOfSummary(summary)).toMatchObject({ state: 'completed', ok: 9, failed: 1, items: 10 });
  });

  it.each([
    ['completed', 0],
    ['cancelled', 6],
    ['failed', 6],
  ] as const)('of a run that is %s has %i items without a line as cancelled', (end, cancelled) => {
    const counts = countFailure({ ...NO_COUNTS, ok: 3 }, 'text', '500: x');
    expect(summaryOf('run-1', endChunk(running(), 0, { counts }), end, NOW).cancelled).toBe(cancelled);
  });

  it('has what answers of no use have cost, by their tokens', () => {
    const counts = { ...NO_COUNTS, ok: 9, tokens: 75, wastedTokens: 25 };
    const credits = seeBalance(firstCredits(1_000), 960, 100);
    const summary = summaryOf('run-1', endChunk({ ...running(), credits }, 0, { counts }), 'completed', NOW);
    expect(summary.credits).toEqual({ spent: 40, wasted: 10 });
    expect(progressOfSummary(summary).spending).toEqual({ tokens: 100, credits: 40 });
  });
});

const progressWith = (more: Partial<Progress>): Progress => ({ ...NO_PROGRESS, startedAt: NOW, ...more });
const model = (id: string) => ({
  id,
  modality: 'text' as const,
  nodes: 2,
  sent: 1,
  ok: 1,
  failed: 0,
  fallbacks: 0,
  tokens: 3,
  down: false,
});
/** Characters with a meaning inside a line of Markdown, where no backslash takes it away. */
const bareMarks = (text: string) => text.replace(/\\[\\`*_[\]<>&|~#!]/g, '').match(/[`*_[\]<>&|~#!]/g);

describe('the details in the Web UI', () => {
  it('say where the run stands, as Markdown', () => {
    const lastFailures = [{ item: 7, model: 'text', error: '500: broken' }];
    const progress = progressWith({
      state: 'running',
      items: 8,
      ok: 3,
      failed: 1,
      models: [model('qwen3.5:9b')],
      lastFailures,
    });
    const lines = describeProgress('run-1', progress).split('\n');
    expect(lines[0]).toBe('**running** · 4 of 8 items (50 %) · 3 ok · 1 failed');
    expect(lines).toContain('| qwen3.5:9b | 2 | 1 | 1 | 0 | 0 | 3 |');
    expect(lines).toContain('- #7 text: 500: broken');
    expect(lines[2]).toContain('`pause`');
  });

  it('have a wait with its times, and what was learnt of the targets', () => {
    const waiting = { text: '503: busy', since: Date.UTC(2026, 0, 5, 12), until: Date.UTC(2026, 0, 5, 12, 0, 5) };
    const progress = progressWith({
      state: 'waiting',
      reason: '503: busy',
      waiting,
      notes: ['m takes no temperature'],
    });
    const lines = describeProgress('run-1', progress).split('\n');
    expect(lines).toContain('> 503: busy (since 12:00:00 UTC, next try 12:00:05 UTC)');
    expect(lines).toContain('m takes no temperature');
  });

  it('do not divide by nothing before the input is read', () => {
    expect(describeProgress('run-1', progressWith({}))).toContain('0 of 0 items (0 %)');
  });

  it('are not broken by model ids, reasons or errors from outside', () => {
    const nasty =
      'a|b\n\n# head <img src=x onerror=alert(1)> [x](http://y) `c` **d** _e_ \\| &lt; ![i](j)\r\n| k |\u2028~~l~~';
    const progress = progressWith({
      reason: nasty,
      models: [model(nasty), model('plain')],
      lastFailures: [{ item: 1, model: nasty, error: nasty }],
    });
    const lines = describeProgress('run-1', progress).split('\n');
    const rows = lines.filter((line) => line.startsWith('| '));
    // Head, rule, two models.
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row.replaceAll(/\\./g, '').split('|')).toHaveLength(9);
    for (const line of lines.filter((one) => one.includes('head'))) {
      const text = line.startsWith('| ')
        ? (line.slice(2).split(/(?<!\\) \| /)[0] ?? '')
        : line.replace(/^(> |- #1 )/, '');
      expect(bareMarks(text)).toBeNull();
    }
  });

  it('stay one line an entry for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const progress = progressWith({
          reason: text,
          models: [model(text)],
          lastFailures: [{ item: 1, model: text, error: text }],
        });
        const lines = describeProgress('run-1', progress).split(/\r\n|[\n\r\u2028\u2029]/);
        // Head line, quote, figures, the table's three lines, the failures' title and one failure, what to do, with blank lines between.
        expect(lines).toHaveLength(14);
        const row = lines.find((line) => line.startsWith('| ') && line.endsWith('| 2 | 1 | 1 | 0 | 0 | 3 |')) ?? '';
        expect(row.replaceAll(/\\./gsu, '').split('|')).toHaveLength(9);
      }),
    );
  });
});
