import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { FileStorage } from '../../src/storage/file-storage.js';
import { Browser, CHROMIUM, type Tab } from '../support/browser.js';
import { Command, MAIN } from '../support/cli.js';
import { type StoredItem, storeRun } from '../support/stored-run.js';

const ITEMS = 100_000;
/** Every so many items one has this word, and every so many failed. */
const [OWL_EVERY, FAILED_EVERY] = [1000, 250];
const MODELS = ['lfm2.5:1.2b', 'qwen3.5:9b', 'nanbeige:3b'];
const WORDS =
  'the of and a to in he have it that for they with as not on she at by this we you do but from or which'.split(' ');
const ATTACK = '</script><script>window.attacked = 1</script><img src=x onerror="window.attacked = 2"><b>bold</b>';
/** Generous: a search takes some 50 ms on a machine that has nothing else to do. */
const QUICK_MS = 2_000;

if (CHROMIUM === undefined)
  process.stderr.write('no Chromium (CHROMIUM_PATH): the report is not tested in a browser\n');

const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-report-'));
const page = join(folder, 'report.html');
let browser: Browser;
let tab: Tab;

function item(index: number): StoredItem {
  const words = Array.from({ length: 40 }, (_, at) => WORDS[(index * (at + 7) + at * at) % WORDS.length]).join(' ');
  const model = MODELS[index % MODELS.length] ?? '';
  const common = { prompt: `Question ${index}: ${words}`, model };
  if (index % FAILED_EVERY === 5)
    return { ...common, error: `50${(index / FAILED_EVERY) % 2 < 1 ? 0 : 3}: node said ${ATTACK}` };
  const output = index === 0 ? ATTACK : `${words} ${index % OWL_EVERY === 0 ? 'OWL' : ''} ${words}`;
  return {
    ...common,
    output,
    tokens: 50 + (index % 90),
    at: 1_800_000_000_000 + index * 36,
    ms: 200 + ((index * 7919) % 3000),
  };
}

/** How many items have a text in their prompt, answer, error or model. */
function matching(text: string): number {
  return Array.from({ length: ITEMS }, (_, index) => Object.values(item(index)).join('\n').toLowerCase()).filter(
    (one) => one.includes(text.toLowerCase()),
  ).length;
}

describe.skipIf(CHROMIUM === undefined)('the report of 100,000 rows in Chromium', () => {
  beforeAll(async () => {
    await storeRun(new FileStorage(folder), { id: 'large', items: ITEMS, chunkSize: 2000, item });
    const command = new Command(process.execPath, [MAIN, 'report', 'large', '-o', page, '--storage', folder], {}, {});
    const { code, stderr } = await command.ended;
    expect(code, stderr).toBe(0);
    browser = await Browser.start(CHROMIUM ?? '');
    tab = await browser.tab();
  });
  beforeEach(async () => {
    await tab.look({ width: 1440, height: 900, scheme: 'light' });
    await tab.open(pathToFileURL(page).href, `document.documentElement?.dataset.rows === '${ITEMS}'`);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const found = async () => String(await tab.value(`document.getElementById('found').textContent`));
  const texts = async (selector: string) =>
    z
      .array(z.string())
      .parse(await tab.value(`Array.from(document.querySelectorAll('${selector}'), (e) => e.textContent)`));

  /** Types into the search field, and says how long it took until the rows were there. */
  async function search(text: string): Promise<number> {
    const ms = await tab.value(`new Promise((resolve) => {
      const field = document.getElementById('search');
      const table = document.querySelector('#table table');
      const started = performance.now();
      new MutationObserver((_, observer) => {
        observer.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - started));
      }).observe(document.getElementById('found'), { childList: true, characterData: true, subtree: true });
      field.value = ${JSON.stringify(text)};
      field.dispatchEvent(new Event('input', { bubbles: true }));
    })`);
    return z.number().parse(ms);
  }

  test('shows them all, and searches in them at once', async () => {
    expect(await found()).toBe('100,000 rows');
    const took: number[] = [];
    for (const text of ['owl', 'QUESTION 4242:', 'question', 'the of', 'no such words']) {
      took.push(await search(text));
      const rows = matching(text);
      expect(await found()).toBe(rows === ITEMS ? '100,000 rows' : `${rows.toLocaleString('en')} of 100,000 rows`);
    }
    expect(Math.max(...took), `ms: ${took.map(Math.round).join(', ')}`).toBeLessThan(QUICK_MS);
  });

  test('draws only the rows in sight, to the very last', async () => {
    await tab.value(`document.querySelector('.scroller').scrollTop = 1e9`);
    await tab.holds(`document.querySelector('tr[data-position="${ITEMS - 1}"]')`);
    const drawn = await texts('#table tr[data-position] th');
    expect(drawn.length).toBeLessThan(100);
    expect(drawn.at(-1)).toBe(String(ITEMS));
    await tab.value(
      `document.querySelector('.scroller').scrollTop = 50000 * document.querySelector('tr[data-position]').offsetHeight`,
    );
    await tab.holds(`document.querySelector('tr[data-position="50000"]')`);
  });

  test('sorts, and filters by model and status', async () => {
    await tab.value(`document.querySelector('thead .ms button').click()`);
    const times = await texts('#table tr[data-position] .ms');
    expect(times[0]).toBe('200\u00a0ms');
    await tab.value(
      `{ const status = document.getElementById('status'); status.value = 'kind:503'; status.dispatchEvent(new Event('input', { bubbles: true })); }`,
    );
    await tab.holds(`document.getElementById('found').textContent !== '100,000 rows'`);
    expect(await found()).toBe(`${ITEMS / FAILED_EVERY / 2} of 100,000 rows`);
    expect(new Set(await texts('#table tr[data-position] .status'))).toEqual(new Set(['503']));
  });

  test('can be used with the keyboard alone', async () => {
    await tab.value(`document.querySelector('tr[data-position="0"] button').focus()`);
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter'] as const) await tab.press(key);
    await tab.holds(`document.getElementById('detail').open`);
    expect(await texts('#detail-title')).toEqual(['3']);
    await tab.press('ArrowRight');
    expect(await texts('#detail-title')).toEqual(['4']);
    expect((await texts('#detail pre'))[0]).toBe(item(3).prompt);
    await tab.press('Escape');
    await tab.holds(`document.activeElement?.closest('tr')?.dataset.position === '3'`);
    await tab.press('End');
    await tab.holds(`document.activeElement?.closest('tr')?.dataset.position === '${ITEMS - 1}'`);
  });

  test('keeps markup in outputs and errors as text', async () => {
    await tab.value(`document.querySelector('[data-item]').click()`);
    expect((await texts('#detail pre')).at(-1)).toMatch(/^50[03]: node said <\/script><script>window\.attacked = 1/);
    await tab.value(`document.getElementById('detail').close()`);
    await search('Question 0:');
    await tab.value(`document.querySelector('tr[data-position="0"] button').click()`);
    expect((await texts('#detail pre')).at(-1)).toBe(ATTACK);
    await tab.value(`document.getElementById('detail').close()`);
    await search('');
    expect(
      await tab.value(`[document.querySelectorAll('main b, main img').length, String(window.attacked)].join()`),
    ).toBe('0,undefined');
  });

  test.each([
    { width: 1600, height: 900, scheme: 'light' },
    { width: 360, height: 740, scheme: 'dark' },
  ] as const)('fits into $width pixels, and can be read in $scheme', async (look) => {
    await tab.look(look);
    expect(await tab.value(`document.documentElement.scrollWidth <= innerWidth`)).toBe(true);
    const contrasts = z.record(z.string(), z.number()).parse(
      await tab.value(`(() => {
        const light = (color) => {
          const [r, g, b] = color.match(/[\\d.]+/g).map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const paper = light(getComputedStyle(document.body).backgroundColor);
        return Object.fromEntries(['h1', '.note', '.when', '.bad', '.link', '.kind .code', 'dt', 'thead th'].map((selector) => {
          const ink = light(getComputedStyle(document.querySelector(selector)).color);
          return [selector, (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05)];
        }));
      })()`),
    );
    for (const [selector, contrast] of Object.entries(contrasts)) expect(contrast, selector).toBeGreaterThan(4.5);
  });

  test('needs nothing from anywhere, and no script failed', () => {
    expect(new Set(tab.requests)).toEqual(new Set([pathToFileURL(page).href]));
    expect(tab.problems).toEqual([]);
  });
});
