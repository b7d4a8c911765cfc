import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { openStorage } from '../../src/storage/open-storage.js';
import { runDirectory, runIdOf } from '../../src/store/run-directory.js';

const ROOT = '/data/root';
const ODD_IDS = [
  '..',
  '.',
  '...',
  'a/b',
  'a/../b',
  '/etc',
  '*',
  '%2E%2E',
  '%2A',
  'a b',
  'ü',
  'u\u0308',
  '批次',
  '🦉',
  'x'.repeat(1000),
  `${'x'.repeat(999)}y`,
  '批'.repeat(300),
  'a:b',
  'a\\b',
  'a\0b',
];

/** Everything that a directory can name. */
function keysOf(run: string): string[] {
  const directory = runDirectory(run);
  const { manifest, offsets, attachments, settings, results, summary } = directory;
  return [
    ...[manifest, offsets, attachments, settings, results, summary],
    directory.invalid(3),
    directory.segment(3, 'abc-1-0'),
    directory.part(3),
    directory.partCounts(3),
    directory.partFacts(3),
  ];
}

describe('a run directory', () => {
  it.each(ODD_IDS)('of the id %j stays inside runs/, in a folder of its own', (run) => {
    const { prefix } = runDirectory(run);
    expect(prefix).toMatch(/^runs\/[^/]+\/$/);
    const storage = new FileStorage(ROOT);
    for (const key of keysOf(run)) {
      expect(key.startsWith(prefix)).toBe(true);
      expect(storage.path(key)).toBe(`${ROOT}/${key}`);
      for (const name of key.split('/')) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
    }
  });

  it('is another one for every id', () => {
    const prefixes = ODD_IDS.map((run) => runDirectory(run).prefix);
    expect(new Set(prefixes).size).toBe(ODD_IDS.length);
    const ids = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        const same = runDirectory(one).prefix === runDirectory(other).prefix;
        expect(same).toBe(one === other);
        expect(runDirectory(one).prefix).toMatch(/^runs\/[^/]+\/$/);
        expect(new FileStorage(ROOT).path(`${runDirectory(one).prefix}x`)).toMatch(/^\/data\/root\/runs\/[^/]+\/x$/);
      }),
    );
  });

  it('keeps plain ids readable', () => {
    expect(runDirectory('batch-2026.01_a').prefix).toBe('runs/batch-2026.01_a/');
    expect(runDirectory('nightly/7').prefix).toBe('runs/nightly%2F7/');
  });

  it('is named after its run, unless the id is too long for a name', () => {
    for (const run of ['batch-2026.01_a', 'nightly/7', '..', '*']) {
      expect(runIdOf(runDirectory(run).prefix.slice('runs/'.length, -1))).toBe(run);
    }
    expect(runIdOf(runDirectory('x'.repeat(1000)).prefix.slice('runs/'.length, -1))).toBeUndefined();
  });

  it('is not had for no id: its keys would be those of all runs', () => {
    expect(() => runDirectory('')).toThrow(RangeError);
  });

  it('has a key of its own for each thing', () => {
    const keys = keysOf('run');
    expect(new Set(keys).size).toBe(keys.length);
    expect(runDirectory('run').segment(12, 'x').startsWith(runDirectory('run').segments(12))).toBe(true);
    expect(runDirectory('run').segment(12, 'x').startsWith(runDirectory('run').segments(1))).toBe(false);
  });
});

describe('a storage root', () => {
  it('is made absolute, so that it does not move with the process', () => {
    expect(openStorage('data').root).toBe(`${process.cwd()}/data`);
  });
});
