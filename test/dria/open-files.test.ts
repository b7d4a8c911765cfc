import { expect, it } from 'vitest';
import { affordableRequests, maxOpenFiles } from '../../src/dria/open-files.js';

it.each([
  [64, 0],
  [128, 0],
  [130, 1],
  [256, 64],
  [1024, 448],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
])('a process that may open %d files may have %d requests in flight', (files, requests) => {
  expect(affordableRequests(files)).toBe(requests);
});

it.skipIf(process.platform === 'win32')('the limit of this process is read', () => {
  const limit = maxOpenFiles();
  expect(limit).toBeGreaterThanOrEqual(64);
});
