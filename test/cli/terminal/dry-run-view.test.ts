import { describe, expect, test } from 'vitest';
import { type DryRun, dryRunView } from '../../../src/cli/terminal/dry-run-view.js';
import { widthOf } from '../../../src/cli/terminal/text.js';

const PLAN: DryRun = {
  run: 'prompts-0123456789ab',
  earlier: 'none',
  input: 'prompts.jsonl',
  output: null,
  storage: '/data',
  endpoint: 'https://host/v1',
  api: 'chat',
  items: { all: 1200, text: 1000, vision: 150, audio: 47, invalid: 3, duplicates: 0, reused: 0 },
  reuse: null,
  chunks: 3,
  options: { concurrency: 50, maxTokens: 2048, retries: 3 },
  models: [{ id: 'eyes:9b', modality: 'vision', nodes: 1600, items: { text: 1000, vision: 150, audio: 0 }, up: true }],
  unserved: { text: 0, vision: 0, audio: 47 },
  promptTokens: 52_345,
  completionTokensAtMost: 2_451_456,
  requests: { atLeast: 1197, atMost: 4788 },
  warnings: ['eyes:9b cannot see. Give -m with another.'],
  credits: { balance: 12.3456, estimate: null },
};

describe('the page of a dry run', () => {
  test('says what a run would be, and what it would wait for', () => {
    const page = dryRunView(PLAN).replaceAll(/\s+/g, ' ');
    expect(page).toContain(
      'Items 1,200 in 3 chunks: 1,000 text, 150 vision, 47 audio, 3 invalid, which get an error line each',
    );
    expect(page).toContain('eyes:9b vision 1,600 1,000 150 0 ');
    expect(page).toContain('No model takes audio now: 47 items would get no answer. warning: eyes:9b cannot see.');
    expect(page).toContain('Requests 1,197 at least, 4,788 at most (--retries 3), 50 at a time');
    expect(page).toContain('about 52.3k of prompts; 2.5M of answers at most (--max-tokens 2048)');
    expect(page).toContain('12.3 left. The endpoint tells no prices: --canary measures what a run costs.');
  });

  test('says how many items are not asked, and whose answers are taken', () => {
    const items = { ...PLAN.items, all: 3600, duplicates: 400, reused: 2000 };
    const reuse = '2,000 answers are taken from reviews-0123';
    const page = dryRunView({ ...PLAN, items, reuse }).replaceAll(/\s+/g, ' ');
    expect(page).toContain('47 audio, 400 the same as another, asked once, 2,000 reused, not asked, 3 invalid');
    expect(page).toContain(`Reuse ${reuse}`);
  });

  test('says the cost at the listed prices, and when it is more than there is', () => {
    const priced = { ...PLAN, credits: { balance: 12.3456, estimate: { atLeast: 0.012345, atMost: 2345.6 } } };
    const page = dryRunView(priced).replaceAll(/\s+/g, ' ');
    expect(page).toContain('12.3 left; at the listed prices 0.0123 for the prompts, 2,346 with the longest answers');
    expect(page).not.toContain('more than is left');
    const poor = { ...priced, credits: { ...priced.credits, balance: 0.01 } };
    expect(dryRunView(poor).replaceAll(/\s+/g, ' ')).toContain('That is more than is left.');
    expect(dryRunView({ ...PLAN, credits: { balance: null, estimate: null } })).toContain(
      'the endpoint tells no balance',
    );
  });

  test('stays within 80 columns, and long lists are cut', () => {
    const many = Array.from({ length: 300 }, (_, at) => ({
      id: `a-model-with-a-name-that-is-much-too-long-for-a-table:${at}`,
      modality: 'vision' as const,
      nodes: 1_000_000,
      items: { text: 1_000_000, vision: 100_000, audio: 10_000 },
      up: true,
    }));
    const page = dryRunView({ ...PLAN, models: many });
    expect(page).toContain('… and 280 more models');
    expect(Math.max(...page.split('\n').map(widthOf))).toBeLessThanOrEqual(80);
    expect(dryRunView({ ...PLAN, models: [] })).toContain('No model has nodes now.');
  });
});
