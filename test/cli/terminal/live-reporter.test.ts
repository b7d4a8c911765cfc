import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createReporter } from '../../../src/cli/terminal/create-reporter.js';
import type { Reporter } from '../../../src/cli/terminal/reporter.js';
import { modelAt, progressAt, Recorder, START, summaryAt } from './runs.js';
import { Screen } from './screen.js';

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Terminal {
  readonly reporter: Reporter;
  readonly stream: Recorder;
  readonly screen: Screen;
}

function terminal({ columns = 80, rows = 24, env = { NO_COLOR: '1' } as NodeJS.ProcessEnv } = {}): Terminal {
  const stream = Object.assign(new Recorder(), { columns, rows });
  const screen = new Screen(columns, rows);
  stream.onWrite = (text) => screen.write(text);
  return { stream, screen, reporter: createReporter({ mode: 'live', stream, env }) };
}

const MODELS = [
  modelAt('qwen3.5:9b', { ok: 800, failed: 2, fallbacks: 1 }),
  modelAt('lfm2:24b-a2b', { ok: 430, failed: 2, down: true }),
];

const FAILURES = [1, 2, 3].map((item) => ({ item, model: 'qwen3.5:9b', error: `503: no nodes available ${item}` }));

describe('the live view', () => {
  test('a snapshot shows how far the run is, model by model', () => {
    const { reporter, screen } = terminal();
    reporter.start({ runId: 'batch-1', uiUrl: 'http://127.0.0.1:8233/x', items: 10_000 });
    vi.setSystemTime(START + 125_000);
    reporter.progress(
      progressAt({ items: 10_000, ok: 1230, failed: 4, tokens: 1_234_567, requests: 1300, models: MODELS }),
    );
    const [run, ui, bar, counts, times, titles, first, second] = screen.text;
    expect([run, ui]).toEqual(['run batch-1 · 10,000 items', 'Web UI: http://127.0.0.1:8233/x']);
    expect(bar).toMatch(/^⠋ running ━+─+ 1,234\/10,000 12%$/u);
    expect(counts).toBe('1,230 ok · 4 failed · 1,300 requests · 1.2M tokens');
    expect(times).toBe('elapsed 2m 05s · 10/10 permits');
    expect(titles).toMatch(/model +nodes +ok +failed +fallbacks +tokens/);
    expect(first).toMatch(/qwen3.5:9b +4 +800 +2 +1 +0$/);
    expect(second).toMatch(/lfm2:24b-a2b +down +4 +430 +2 +0 +0$/);
    reporter.close();
  });

  test('a wait has its own line with its times, which a long text does not push away; notes stand above', () => {
    const { reporter, screen } = terminal();
    vi.setSystemTime(START + 90_000);
    const waiting = { text: 'the endpoint refuses connections '.repeat(5), since: START, until: START + 900_000 };
    const notes = ['qwen: max_tokens is refused; it is left out'];
    reporter.progress(progressAt({ state: 'waiting', waiting, notes }));
    const [note, bar, wait] = screen.text;
    expect(note).toBe('note: qwen: max_tokens is refused; it is left out');
    expect(bar).toMatch(/waiting/);
    expect(wait).toMatch(/^waiting: the endpoint .*… · since \d\d:\d\d:\d\d \(1m 30s\), until \d\d:\d\d:\d\d$/);
    reporter.progress(progressAt({ notes }));
    expect(screen.text.filter((line) => line.startsWith('note:'))).toHaveLength(1);
    reporter.close();
  });

  test('rates and the time left come with the second look', () => {
    const { reporter, screen } = terminal();
    for (let second = 0; second <= 10; second += 1) {
      reporter.progress(progressAt({ ok: 10 * second, requests: 12 * second, tokens: 1500 * second }));
      vi.advanceTimersByTime(1000);
    }
    expect(screen.text[1]).toBe('100 ok · 0 failed · 12.0 req/s · 15.0k tokens (1.5k/s)');
    expect(screen.text[2]).toBe('ETA 1m 30s · elapsed 11s · 10/10 permits');
    reporter.close();
  });

  test('the newest two failures and the reason of a wait are shown', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt({ state: 'waiting', reason: 'no model takes vision now', lastFailures: FAILURES }));
    expect(screen.text[1]).toBe('waiting: no model takes vision now');
    expect(screen.text.slice(-2)).toEqual([
      '  #2 qwen3.5:9b  503: no nodes available 2',
      '  #3 qwen3.5:9b  503: no nodes available 3',
    ]);
    reporter.close();
  });

  test('many frames leave one block, with the notes above it', () => {
    const { reporter, screen } = terminal();
    for (let step = 1; step <= 500; step += 1) {
      const models = MODELS.slice(0, 1 + (step % 2));
      const waiting = step % 3 === 0 ? ({ state: 'waiting', reason: 'no nodes' } as const) : {};
      reporter.progress(progressAt({ ok: step, models, lastFailures: FAILURES.slice(step % 4), ...waiting }));
      if (step % 100 === 0) reporter.note(`note ${step}`);
      if (step === 250) reporter.warn('a model went');
      vi.advanceTimersByTime(300);
    }
    reporter.close();
    expect(screen.text.slice(0, 6)).toEqual([
      'note 100',
      'note 200',
      'warning: a model went',
      'note 300',
      'note 400',
      'note 500',
    ]);
    expect(screen.text.filter((line) => line.includes('/1,000'))).toHaveLength(1);
    expect(screen.text[6]).toContain('500/1,000 50%');
  });

  test('a note between two frames does not take the block away', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt({ models: MODELS }));
    const block = screen.text;
    reporter.note('one');
    reporter.note('two');
    expect(screen.text).toEqual(['one', 'two', ...block]);
    reporter.close();
  });

  test.each([
    { columns: 80, rows: 24 },
    { columns: 200, rows: 50 },
    { columns: 40, rows: 10 },
    { columns: 20, rows: 5 },
    { columns: 10, rows: 2 },
    { columns: 1, rows: 2 },
  ])('the block stays within $columns columns and $rows rows', ({ columns, rows }) => {
    const { reporter, screen } = terminal({ columns, rows });
    const models = Array.from({ length: 30 }, (_, number) => modelAt(`模型-with-a-very-long-name-${number}`.repeat(3)));
    for (let step = 0; step < 20; step += 1) {
      reporter.progress(progressAt({ ok: step, models, reason: 'wide 模型 '.repeat(30), lastFailures: FAILURES }));
      vi.advanceTimersByTime(1000);
    }
    reporter.close();
    expect(screen.text.length).toBeLessThan(rows);
    expect(screen.text.length).toBeGreaterThan(0);
  });

  test('models that do not fit are counted, and the busiest ones are shown', () => {
    const { reporter, screen } = terminal({ rows: 10 });
    reporter.progress(
      progressAt({ models: Array.from({ length: 30 }, (_, number) => modelAt(`model-${number}`, { ok: number })) }),
    );
    expect(screen.text.at(-1)).toBe('  … and 26 more');
    expect(screen.text.filter((line) => line.includes('model-')).map((line) => line.trim().split(' ')[0])).toEqual([
      'model-29',
      'model-28',
      'model-27',
      'model-26',
    ]);
    reporter.close();
  });

  test('a terminal that became narrower is drawn over without rests', () => {
    const { reporter, stream, screen } = terminal();
    reporter.progress(progressAt({ ok: 1, models: MODELS }));
    const wide = screen.text;
    stream.columns = 40;
    // As terminals do: lines that are too long are wrapped, and the cursor goes with them.
    const narrow = new Screen(40, 24);
    for (const line of wide) narrow.write(`${line}\n`);
    stream.onWrite = (text) => narrow.write(text);
    stream.emit('resize');
    vi.advanceTimersByTime(200);
    reporter.close();
    expect(narrow.text.filter((line) => line.includes('running'))).toHaveLength(1);
    expect(narrow.text).toHaveLength(wide.length);
  });

  test('snapshots that come fast are drawn at most ten times a second', () => {
    const { reporter, stream, screen } = terminal();
    for (let step = 0; step < 1000; step += 1) {
      reporter.progress(progressAt({ ok: step }));
      vi.advanceTimersByTime(1);
    }
    expect(stream.writes.length).toBeLessThanOrEqual(11);
    reporter.close();
    expect(screen.text[0]).toContain('999/1,000');
  });

  test('the elapsed time goes on between snapshots', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt());
    vi.advanceTimersByTime(7000);
    expect(screen.text[2]).toBe('elapsed 7s · 10/10 permits');
    reporter.close();
  });

  test('the cursor is hidden while drawing and shown again, whatever ends it', () => {
    const ends: ((reporter: Reporter) => void)[] = [
      (reporter) => reporter.close(),
      (reporter) => reporter.clear(),
      (reporter) => reporter.finish(progressAt()),
      (reporter) => reporter.finish(progressAt(), summaryAt()),
    ];
    for (const end of ends) {
      const { reporter, screen } = terminal();
      reporter.progress(progressAt());
      expect(screen.isCursorShown).toBe(false);
      end(reporter);
      expect(screen.isCursorShown).toBe(true);
      reporter.close();
    }
  });

  test('after the end nothing is drawn any more, and nothing waits', () => {
    const { reporter, stream } = terminal();
    reporter.progress(progressAt());
    reporter.close();
    const drawn = stream.writes.length;
    reporter.progress(progressAt({ ok: 5 }));
    stream.emit('resize');
    vi.advanceTimersByTime(10_000);
    expect(stream.writes).toHaveLength(drawn);
    expect(vi.getTimerCount()).toBe(0);
    expect(stream.listenerCount('resize')).toBe(0);
  });

  test('a run that ended leaves its summary in place of the block', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt({ ok: 999, models: MODELS }));
    reporter.finish(progressAt({ state: 'completed' }), summaryAt(), 'out.jsonl');
    reporter.close();
    expect(screen.text[0]).toBe('Run batch-1 has ended.');
    expect(screen.text.join('\n')).toContain('Results   out.jsonl');
    expect(screen.text.join('\n')).not.toContain('running');
  });

  test('a run that ended without a summary leaves its last counts', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt({ ok: 1 }));
    reporter.finish(progressAt({ state: 'failed', ok: 7, reason: 'the key was refused' }));
    expect(screen.text[0]).toMatch(/^✗ failed .* 7\/1,000 0%$/u);
    expect(screen.text[1]).toBe('failed: the key was refused');
  });

  test('results may be printed on the same terminal once the block is cleared', () => {
    const { reporter, screen } = terminal();
    reporter.progress(progressAt({ models: MODELS }));
    reporter.clear();
    screen.write('{"id":1}\n{"id":2}\n');
    reporter.finish(progressAt({ state: 'completed' }), summaryAt());
    reporter.close();
    expect(screen.text.slice(0, 3)).toEqual(['{"id":1}', '{"id":2}', 'Run batch-1 has ended.']);
  });

  test('what a server says cannot steer the terminal', () => {
    const { reporter, stream } = terminal();
    const evil = '\u001b[2J\u001b]0;x\u0007\r\nname';
    reporter.note(evil);
    reporter.start({ runId: evil });
    const lastFailures = [{ item: 1, model: evil, error: evil }];
    reporter.progress(progressAt({ models: [modelAt(evil)], reason: evil, lastFailures }));
    reporter.finish(progressAt(), summaryAt({ runId: evil, failedByKind: { [evil]: 1 }, models: [modelAt(evil)] }));
    for (const order of ['\u001b[2J', '\u001b]', '\u0007']) expect(stream.text).not.toContain(order);
  });

  test('NO_COLOR and FORCE_COLOR are heard', () => {
    const coloured = (env: NodeJS.ProcessEnv): boolean => {
      const { reporter, stream } = terminal({ env });
      reporter.progress(progressAt({ ok: 500 }));
      reporter.close();
      return stream.text.includes('\u001b[32m');
    };
    expect(coloured({})).toBe(true);
    expect(coloured({ NO_COLOR: '' })).toBe(true);
    expect(coloured({ NO_COLOR: '1' })).toBe(false);
    expect(coloured({ FORCE_COLOR: '0' })).toBe(false);
    expect(coloured({ NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(true);
  });
});

describe('the live view in a process of its own', () => {
  const built = new URL('../../../dist/cli/terminal/create-reporter.js', import.meta.url).href;
  const show = (rest: string): string => `
    const { createReporter } = await import(${JSON.stringify(built)});
    const reporter = createReporter({ mode: 'live', stream: process.stderr, env: {} });
    reporter.progress(${JSON.stringify(progressAt())});
    ${rest}`;

  async function runToEnd(script: string): Promise<{ code: unknown; stderr: string }> {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    return { code, stderr };
  }

  beforeEach(() => {
    vi.useRealTimers();
  });

  test.each(['', 'process.exit(7);', 'throw new Error("gone");'])('the cursor comes back after `%s`', async (rest) => {
    const { stderr } = await runToEnd(show(rest));
    expect(stderr.lastIndexOf('\u001b[?25h')).toBeGreaterThan(stderr.lastIndexOf('\u001b[?25l'));
  });

  test('a closed standard error ends nothing', async () => {
    const script = `${show('')}
      let isLost = false;
      process.stderr.once('error', () => { isLost = true; });
      process.stdin.once('data', async () => {
        while (!isLost) { reporter.note('x'); await new Promise(setImmediate); }
        reporter.warn('after');
        reporter.close();
        process.stdout.write('fine\\n', () => process.exit(0));
      });
      process.stdout.write('ready\\n');`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'pipe' });
    await once(child.stdout, 'data');
    child.stderr.destroy();
    child.stdin.write('go\n');
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    expect([said, code]).toEqual(['fine\n', 0]);
  });
});
