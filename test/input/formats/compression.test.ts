import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InputFile } from '../../../src/input/input-file.js';
import { fileOf, pipeOf, recordsOf, refusalOf, scanned } from '../input-world.js';

/** What `zstd` 1.5 made of two lines, `{"prompt":"Why?"}` and `{"prompt":"How?","id":"b"}`. */
const ZSTD = Buffer.from('KLUv/QRYTQEAJAJ7InByb21wdCI6IldoeT8ifQpIb3c/IiwiaWQiOiJiIn0KAQDKmGGVlWHd', 'base64');
/** A frame of zstd that is to be skipped. */
const SKIPPED = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

const LINES = '{"prompt":"Why?"}\n{"prompt":"How?","id":"b"}\n';
const RECORDS = [{ prompt: 'Why?' }, { prompt: 'How?', id: 'b' }];

describe('a compressed input', () => {
  it.each<[string, () => InputFile]>([
    ['gzip', () => fileOf('in.jsonl.gz', gzipSync(LINES))],
    ['gzip whose name does not say so', () => fileOf('in.jsonl', gzipSync(LINES))],
    [
      'gzip of several members',
      () => fileOf('in.jsonl.gz', Buffer.concat([gzipSync(LINES.slice(0, 9)), gzipSync(LINES.slice(9))])),
    ],
    ['gzip through a pipe', () => pipeOf(gzipSync(LINES), 7)],
    ['zstd', () => fileOf('in.jsonl.zst', ZSTD, 5)],
    ['zstd with a frame to skip', () => fileOf('in.jsonl.zst', Buffer.concat([SKIPPED, ZSTD]))],
    ['zstd through a pipe', () => pipeOf(ZSTD, 3)],
    ['gzip of a JSON array', () => fileOf('in.json.gz', gzipSync(JSON.stringify(RECORDS)))],
    ['gzip of a CSV', () => fileOf('in.csv.gz', gzipSync('id,prompt\n,Why?\nb,How?\n'))],
    ['gzip of a CSV, known by its content', () => pipeOf(gzipSync('id,prompt\n,Why?\nb,How?\n'))],
  ])('of %s is read', async (_, file) => {
    expect(await recordsOf(file())).toEqual(RECORDS);
  });

  it('of zstd in several frames is read to its end', async () => {
    expect(await recordsOf(fileOf('in.jsonl.zst', Buffer.concat([ZSTD, ZSTD])))).toEqual([...RECORDS, ...RECORDS]);
  });

  it('that is cut anywhere is refused, however it comes in pieces', async () => {
    const files: readonly (readonly [string, Buffer])[] = [
      ['in.jsonl.gz', gzipSync(LINES)],
      ['in.jsonl.zst', ZSTD],
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 1, max: 99 }),
        async ([name, bytes], part, pieceBytes) => {
          const cut = bytes.subarray(0, Math.max(4, Math.floor(part * bytes.length)));
          expect(await refusalOf([fileOf(name, cut, pieceBytes)])).toBe(
            `${name} is cut off: its ${name.endsWith('gz') ? 'gzip' : 'zstd'} does not decompress`,
          );
        },
      ),
    );
  });

  it('that is damaged is refused', async () => {
    const gzip = gzipSync(LINES);
    gzip[gzip.length - 6] = (gzip[gzip.length - 6] ?? 0) ^ 0xff;
    expect(await refusalOf([fileOf('in.jsonl.gz', gzip)])).toBe('in.jsonl.gz is damaged: its gzip does not decompress');
    expect(await refusalOf([fileOf('in.jsonl.zst', Buffer.concat([ZSTD, Buffer.from('something more')]))])).toBe(
      'in.jsonl.zst is damaged: its zstd does not decompress',
    );
  });

  it('that is compressed twice is refused with the way out', async () => {
    expect(await refusalOf([fileOf('in.jsonl.gz', gzipSync(gzipSync(LINES)))])).toBe(
      'what is in in.jsonl.gz is compressed with gzip: give what "gzip -dc" makes of it',
    );
  });

  it.each<[string, InputFile, RegExp]>([
    ['CSV', fileOf('bomb.csv.gz', bomb('prompt\n"')), /record of more than 64 MiB/],
    ['JSON', fileOf('bomb.json.gz', bomb('[{"prompt":"')), /more than 64 MiB in row 1/],
    ['JSONL', fileOf('bomb.jsonl.gz', bomb('{"prompt":"')), /line too long/],
  ])('of 80 MB without a line end is refused as %s, with little memory', async (_, file, message) => {
    const before = process.memoryUsage().rss;
    let peak = before;
    const timer = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 5);
    try {
      await expect(scanned([file])).rejects.toThrow(message);
    } finally {
      clearInterval(timer);
    }
    expect(peak - before).toBeLessThan(700e6);
  });
});

/** A file that is small, and 80 MB when it is decompressed. */
function bomb(head: string): Buffer {
  const members = [gzipSync(head)];
  const zeros = gzipSync(Buffer.alloc(10e6, 'x'));
  for (let count = 0; count < 8; count++) members.push(zeros);
  return Buffer.concat(members);
}
