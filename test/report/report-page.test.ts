import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RunAbout } from '../../src/report/about.js';
import { Figures } from '../../src/report/figures.js';
import { reportPage } from '../../src/report/report-page.js';
import type { TableRow } from '../../src/report/row.js';
import type { RowBlock } from '../../src/report/row-block.js';
import { failedRow, row } from './rows.js';

const ATTACK = '</script><script>alert(1)</script><img src=x onerror=alert(2)>"\'&';
const ASSETS = { script: 'let a = "script";', style: 'p { color: red }' };

const ABOUT: RunAbout = {
  runId: 'run-1',
  items: 3,
  bytes: 1234,
  sha256: 'f'.repeat(64),
  modalities: { text: 3, vision: 0, audio: 0 },
  invalid: 0,
  models: [{ id: 'lfm2.5:1.2b', nodes: 3, fallbacks: 2 }],
  requests: 4,
  writtenAt: 1_800_000_100_000,
  end: {
    state: 'completed',
    ok: 2,
    failed: 1,
    skipped: 0,
    retries: 3,
    credits: { spent: 1.25, wasted: 0.5 },
    startedAt: 1_800_000_000_000,
    endedAt: 1_800_000_090_000,
  },
};

async function* each(rows: readonly TableRow[]): AsyncGenerator<TableRow> {
  yield* rows;
}

/** The page of a run with these rows, all of them in the table. */
async function page(rows: readonly TableRow[], about: Partial<RunAbout> = {}, held = rows): Promise<string> {
  const figures = new Figures();
  for (const one of rows) figures.add(one);
  const scope = {
    all: { ok: figures.ok, failed: figures.errors },
    held: { ok: held.filter(({ ok }) => ok).length, failed: held.filter(({ ok }) => !ok).length },
  };
  let text = '';
  for await (const piece of reportPage({ about: { ...ABOUT, ...about }, figures, scope }, each(held), ASSETS)) {
    text += Buffer.from(piece).toString('utf8');
  }
  return text;
}

function blocksOf(text: string): RowBlock[] {
  const found = text.matchAll(/<script type="application\/gzip" class="rows">([A-Za-z0-9+/=]*)<\/script>/g);
  return Array.from(found, ([, base64 = '']) => JSON.parse(gunzipSync(Buffer.from(base64, 'base64')).toString('utf8')));
}

const ROWS = [
  row(0, { at: 1_800_000_001_000, ms: 100 }),
  row(1, { at: 1_800_000_080_000, ms: 900 }),
  failedRow(2, '500: x'),
];

describe('the page', () => {
  it('keeps whatever comes from outside as text', async () => {
    const rows = [
      row(0, {
        id: ATTACK,
        model: ATTACK,
        text: ATTACK,
        prompt: ATTACK,
        attachment: ATTACK,
        ms: 5,
        at: 1_800_000_001_000,
      }),
      failedRow(1, `${ATTACK}: ${ATTACK}`, { id: ATTACK, model: ATTACK, tried: [ATTACK] }),
    ];
    const text = await page(rows, { runId: ATTACK, models: [{ id: ATTACK, nodes: 1, fallbacks: 1 }] });
    const scripts = Array.from(text.matchAll(/<script[^>]*>/g), ([tag]) => tag);
    expect(scripts).toEqual([
      '<script type="application/json" id="row-count">',
      '<script>',
      '<script type="application/gzip" class="rows">',
    ]);
    expect(text).not.toMatch(/<img/);
    expect(text.match(/<\/script>/g)).toHaveLength(3);
    expect(blocksOf(text)[0]?.texts[0]).toBe(ATTACK);
  });

  it('asks nothing of any network, and lets no script run but its own', async () => {
    const text = await page(ROWS);
    expect(text).not.toMatch(/https?:\/\//);
    expect(text).not.toMatch(/<(link|img|script|iframe)[^>]*\s(src|href)="(?!data:,")/);
    const hash = createHash('sha256').update(ASSETS.script).digest('base64');
    expect(text).toContain(`default-src &#39;none&#39;`);
    expect(text).toContain(`script-src &#39;sha256-${hash}&#39;;`);
  });

  it('says what the run came to', async () => {
    const text = (await page(ROWS)).replaceAll('\u00a0', ' ');
    expect(text).toContain('3 items = 2 answered + 1 failed.');
    expect(text).toMatch(/Completed<\/strong> <time datetime="2027-01-15T08:01:30\.000Z"/);
    expect(text).toContain('<dt>Time</dt><dd>1 min 30 s');
    expect(text).not.toContain('role="note"');
    expect(blocksOf(text).flatMap(({ items }) => items)).toEqual([0, 1, 2]);
  });

  it('says of a run under way that it is partial', async () => {
    const { end: _end, ...open } = ABOUT;
    const figures = new Figures();
    for (const one of ROWS.slice(0, 2)) figures.add(one);
    const report = { about: { ...open, items: 9 }, figures, scope: { all: figures, held: figures } };
    let text = '';
    for await (const piece of reportPage(report, each(ROWS.slice(0, 2)), ASSETS)) text += Buffer.from(piece).toString();
    expect(text).toContain('This report is partial.');
    expect(text).toContain('2 of 9 items are in it');
    expect(text).toContain('9 items = 2 answered + 0 failed + 7 not finished.');
  });

  it('says of a run that was cancelled how many items it has left', async () => {
    const { end } = ABOUT;
    if (end === undefined) throw new Error('the run of these tests has ended');
    const text = await page(ROWS.slice(0, 2), { items: 9, end: { ...end, state: 'cancelled' } });
    expect(text).toContain('The run was cancelled: 2 of 9 items are in it.');
    expect(text).toContain('9 items = 2 answered + 0 failed + 7 cancelled.');
    expect(text).not.toContain('The counts differ.');
  });

  it('counts lines that were skipped apart from failures, and what the run cost', async () => {
    const rows = [...ROWS, failedRow(3, 'invalid: not JSON', { model: null, skipped: true })];
    const text = await page(rows, { items: 4 });
    expect(text).toContain('4 items = 2 answered + 1 failed + 1 skipped.');
    expect(text).toContain('<dt>Credits</dt><dd>1.25 <small>0.5 on failures</small>');
    expect(text).toContain('2 of 4 items');
  });

  it('says when its rows and the run’s own count differ', async () => {
    expect(await page(ROWS.slice(0, 2))).toContain('The counts differ.');
  });

  it('says when the table is a sample', async () => {
    const text = await page(ROWS, {}, ROWS.slice(1));
    expect(text).toContain('holds 2 of its 3 rows: all of 1 failed and 1 of 2 answered ones');
  });

  it('draws a run of which no time is known, of no items, and of one answer', async () => {
    expect(await page([row(0), failedRow(1, 'x')])).toContain('It is not known when the answers of this run came.');
    expect(await page([], { items: 0, models: [] })).toContain('0 items = 0 answered + 0 failed.');
    for (const text of [await page(ROWS.slice(0, 1)), await page([])])
      expect(text).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('divides the rows into blocks, and a long text makes a block of its own', async () => {
    const many = Array.from({ length: 4500 }, (_, item) =>
      row(item, item === 3 ? { text: 'x'.repeat(5_000_000) } : {}),
    );
    const blocks = blocksOf(await page(many));
    expect(blocks.map(({ items }) => items.length)).toEqual([4, 2000, 2000, 496]);
    expect(blocks.flatMap(({ items }) => items)).toEqual(many.map(({ item }) => item));
  });

  it('refuses a script that would end itself', async () => {
    const pages = reportPage(
      { about: ABOUT, figures: new Figures(), scope: { all: { ok: 0, failed: 0 }, held: { ok: 0, failed: 0 } } },
      each([]),
      { ...ASSETS, script: 'let a = "</script>";' },
    );
    await expect(pages.next()).rejects.toThrow(RangeError);
  });
});
