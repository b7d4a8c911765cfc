import { expect, test } from 'vitest';
import { NO_PROGRESS } from '../../src/batch/run-view.js';
import { ProgressAsker } from '../../src/cli/ask-progress.js';

const progress = { ...NO_PROGRESS, startedAt: 1 };
const answering = { progress: () => Promise.resolve(progress) };
const silent = { progress: () => new Promise<never>(() => undefined) };
const refusing = { progress: () => Promise.reject(new Error('no poller')) };

test('a run answers, or nobody does', async () => {
  const asker = new ProgressAsker(60_000);
  expect(await asker.ask(answering)).toBe(progress);
  expect(await asker.ask(refusing)).toBe('no-worker');
});

test('when the time for all is up, who has not answered has no worker, and nobody else is asked', async () => {
  // A timer of a few ms fires before the clock says so nearly every time.
  const asker = new ProgressAsker(5);
  expect(await Promise.all([asker.ask(silent), asker.ask(silent)])).toEqual(['no-worker', 'no-worker']);
  expect(await asker.ask(answering)).toBe('not-asked');
});
