import { expect, test } from 'vitest';
import { NO_PROGRESS } from '../../src/batch/run-view.js';
import { ProgressAsker } from '../../src/cli/ask-progress.js';

const progress = { ...NO_PROGRESS, startedAt: 1 };
const answering = { progress: () => Promise.resolve(progress) };
const silent = { progress: () => new Promise<never>(() => undefined) };
const refusing = { progress: () => Promise.reject(new Error('no poller')) };

test('a run answers, or nobody does, or its turn does not come in the time for all', async () => {
  const asker = new ProgressAsker(50);
  expect(await asker.ask(answering)).toBe(progress);
  expect(await asker.ask(refusing)).toBe('no-worker');
  expect(await Promise.all([asker.ask(silent), asker.ask(silent)])).toEqual(['no-worker', 'no-worker']);
  expect(await asker.ask(answering)).toBe('not-asked');
});
