import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addCounts, countsSchema } from '../../src/batch/counts.js';
import { FileStorage } from '../../src/storage/file-storage.js';
import { sealed } from '../../src/storage/seal.js';
import { type Storage, StorageError } from '../../src/storage/storage.js';
import { countHistories } from '../../src/store/count-outcomes.js';
import { readStagedManifest } from '../../src/store/manifest.js';
import { indexedRecord, OutcomeIndex } from '../../src/store/outcome-index.js';
import { parseOutcome } from '../../src/store/outcomes.js';
import { readPartCounts, readPartFacts } from '../../src/store/parts.js';
import { runDirectory } from '../../src/store/run-directory.js';
import { readStoredSettings } from '../../src/store/settings.js';
import { readSummary, readSummaryIfWhole } from '../../src/store/summary.js';
import { storeRun } from '../support/stored-run.js';

/* Files of a run that somebody's hand or a bad disk has changed. */

const ODD = [1e308, -1, 0.5, '12', null, [], {}, 2 ** 53];
const odd = fc.oneof(fc.constantFrom<unknown>(...ODD), fc.double(), fc.jsonValue());

describe('a line of a segment', () => {
  const line = fc.oneof(
    fc.record(
      {
        item: fc.oneof(fc.nat(), odd),
        truncated: odd,
        at: odd,
        ms: odd,
        result: fc.record({ id: odd, model: fc.string(), tokens: odd }),
      },
      { requiredKeys: ['item', 'result'] },
    ),
    fc.record({
      item: fc.nat(),
      id: odd,
      at: odd,
      failure: fc.record({ target: fc.string(), error: fc.string(), attempts: odd, tried: odd }),
    }),
    fc.record({
      item: fc.nat(),
      by: odd,
      try: fc.record({ target: fc.string(), error: fc.string(), attempt: odd, tokens: odd }),
    }),
    fc.jsonValue(),
  );

  it('is a record whose numbers can be added up, or none', () => {
    fc.assert(
      fc.property(fc.array(line), (values) => {
        const index = new OutcomeIndex();
        for (const value of values) {
          const record = recordOf(JSON.stringify(value));
          if (record !== undefined) index.add(indexedRecord(record));
        }
        const counts = countHistories(index, index.items());
        const sum = addCounts(counts, counts);
        expect(countsSchema.parse(sum)).toEqual(sum);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps an answer whose facts make no sense', () => {
    const record = recordOf(
      '{"item":3,"at":1e+308,"ms":0.5,"result":{"id":4,"model":"m","output":"x","tokens":1e308}}',
    );
    expect(record).toMatchObject({ item: 3, result: { output: 'x' } });
    if (record === undefined) throw new Error('no record');
    expect(indexedRecord(record)).toMatchObject({ result: { tokens: 1e15 } });
  });

  it('of a failure after more attempts than can be counts as none: its item is asked again', () => {
    expect(
      recordOf('{"item":0,"id":1,"failure":{"target":"m","error":"x","attempts":1e308,"tried":[]}}'),
    ).toBeUndefined();
  });
});

describe('an object of a run', () => {
  const files = runDirectory('run');
  const READERS: readonly [string, string, (storage: Storage) => Promise<unknown>][] = [
    ['summary', files.summary, (storage) => readSummary(storage, 'run')],
    ['manifest', files.manifest, (storage) => readStagedManifest(storage, 'run')],
    ['settings', files.settings, (storage) => readStoredSettings(storage, 'run')],
    ["part's counts", files.partCounts(0), (storage) => readPartCounts(storage, 'run', 0)],
    ["part's facts", files.partFacts(0), (storage) => readPartFacts(storage, 'run', 0)],
  ];

  it.each(READERS)('(%s) that is anything is read, or is damaged in one line that names it', async (_, key, read) => {
    const storage = await storageWithRun();
    const { crc, ...whole } = JSON.parse(Buffer.from(await storage.get(key)).toString());
    const written = (text: string) => (crc === undefined ? text : sealedText(text));
    const content = fc.oneof(
      fc
        .tuple(fc.constantFrom(...Object.keys(whole)), odd)
        .map(([name, value]) => written(JSON.stringify({ ...whole, [name]: value }))),
      odd.map((value) => JSON.stringify(value) ?? ''),
      fc.string(),
    );
    await fc.assert(
      fc.asyncProperty(content, async (text) => {
        await storage.put(key, text);
        try {
          await read(storage);
        } catch (error) {
          expect(error).toBeInstanceOf(StorageError);
          expect(String(error)).toMatch(new RegExp(`^StorageError: .*${key}: it is damaged: .{1,300}$`));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that is a summary with numbers that cannot be keeps nobody from the rest', async () => {
    const storage = await storageWithRun();
    const whole = JSON.parse(Buffer.from(await storage.get(files.summary)).toString());
    await storage.put(files.summary, JSON.stringify({ ...whole, tokens: 1e308 }));
    const warnings: string[] = [];
    expect(await readSummaryIfWhole(storage, 'run', (why) => warnings.push(why))).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/summary\.json: it is damaged: tokens: /)]);
  });
});

/** Reads a line as it is written, with its checksum. */
function recordOf(text: string) {
  return parseOutcome(Buffer.from(sealedText(text).trimEnd()));
}

/** An object with its checksum; what is no object cannot have one. */
function sealedText(text: string): string {
  return text.endsWith('}') ? sealed('', text.slice(0, -1)).toString() : text;
}

async function storageWithRun(): Promise<Storage> {
  const folder = mkdtempSync(join(tmpdir(), 'hostile-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const storage = new FileStorage(folder);
  await storeRun(storage, {
    id: 'run',
    items: 4,
    chunkSize: 4,
    item: () => ({ prompt: 'p', model: 'm', output: 'a', tokens: 3 }),
  });
  return storage;
}
