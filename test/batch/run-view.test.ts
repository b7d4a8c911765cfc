import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BatchState, endChunk, startBatch, startNextChunk } from '../../src/batch/batch-state.js';
import { countFailure, countModel, NO_COUNTS } from '../../src/batch/counts.js';
import { describeProgress } from '../../src/batch/describe-progress.js';
import { hearReport } from '../../src/batch/hear-report.js';
import { markDown, refreshModels } from '../../src/batch/model-table.js';
import { batchOptionsSchema } from '../../src/batch/options.js';
import type { Progress } from '../../src/batch/progress.js';
import type { ChunkReport } from '../../src/batch/reports.js';
import { NO_PROGRESS, progressOf, progressOfSummary, summaryOf } from '../../src/batch/run-view.js';
import { runSummarySchema } from '../../src/batch/summary.js';

const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
const MODELS = refreshModels(
  [],
  [
    { id: 'text', nodes: 5, modality: 'text' },
    { id: 'vision', nodes: 3, modality: 'vision' },
  ],
);
const CHUNK = { chunk: 0, first: 0, layout: 't6v4' };

function running(): BatchState {
  const manifest = { items: 10, modalities: { text: 6, vision: 4, audio: 0 }, invalid: 0, chunks: 1 };
  const state = startBatch(
    { options: batchOptionsSchema.parse({ concurrency: 4 }), manifest },
    { models: MODELS, now: NOW },
  );
  return startNextChunk(state, CHUNK, { lanes: 3, open: 10, toldSize: 1 }).state;
}

const report = (more: Partial<ChunkReport>): ChunkReport => ({
  chunk: 0,
  revision: 0,
  returned: 0,
  inFlight: 1,
  open: 3,
  counts: NO_COUNTS,
  latency: {},
  lastFailures: [],
  ...more,
});

describe('the progress of a run', () => {
  it('counts items, lanes and chunks', () => {
    const counts = countFailure(
      countModel({ ...NO_COUNTS, ok: 3, requests: 5, tokens: 40 }, 'text', { ok: 3 }),
      'text',
      '500: x',
    );
    const progress = progressOf(hearReport(running(), report({ counts, returned: 1 })), 'running', NOW);
    expect(progress).toMatchObject({
      state: 'running',
      items: 10,
      ok: 3,
      failed: 1,
      requests: 5,
      tokens: 40,
      chunks: { total: 1, started: 1, done: 0 },
      lanes: { total: 4, used: 2 },
    });
    expect(progress.models.map(({ id, ok, failed }) => [id, ok, failed])).toEqual([
      ['text', 3, 1],
      ['vision', 0, 0],
    ]);
    expect(progress.reason).toBeUndefined();
  });

  it('says that a model is down for as long as it is not asked', () => {
    const state = hearReport(running(), report({ models: markDown(MODELS, 'vision', NOW) }));
    const isDown = (now: number) => progressOf(state, 'running', now).models.find(({ id }) => id === 'vision')?.down;
    expect([isDown(NOW), isDown(NOW + 14_999), isDown(NOW + 15_000)]).toEqual([true, true, false]);
  });

  it('is waiting, with the reason and the next look, when nothing can go on', () => {
    const stranded = { modalities: ['vision' as const], lookAt: NOW + 5000 };
    const stuck = hearReport(running(), report({ inFlight: 0, open: 0, stranded }));
    expect(progressOf(stuck, 'running', NOW)).toMatchObject({
      state: 'waiting',
      reason: 'no model takes vision now; next look at 12:00:05 UTC',
    });
    const partly = hearReport(running(), report({ inFlight: 1, open: 0, stranded }));
    expect(progressOf(partly, 'running', NOW).state).toBe('running');
    expect(progressOf(hearReport(stuck, report({})), 'running', NOW).state).toBe('running');
  });

  it('is paused with its reason, whatever else is so, and final states stay', () => {
    const state = { ...running(), paused: true, pausedFor: '402: out of credits' };
    expect(progressOf(state, 'running', NOW)).toMatchObject({ state: 'paused', reason: '402: out of credits' });
    expect(progressOf(state, 'finishing', NOW).state).toBe('finishing');
  });

  it('uses the lanes that wait for an answer while it is paused, not those that it keeps to go on with', () => {
    const used = (inFlight: number) =>
      progressOf({ ...hearReport(running(), report({ inFlight })), paused: true }, 'running', NOW).lanes.used;
    expect([used(2), used(0)]).toEqual([2, 0]);
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
    const summary = summaryOf('run-1', endChunk(running(), 0, counts), 'completed', NOW + 1000);
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
