import { readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileStorage } from '../../src/storage/file-storage.js';
import { ATTACHMENT_RECORD_BYTES, encodeAttachment } from '../../src/store/attachment-index.js';
import { hasAttachments } from '../../src/store/has-attachments.js';
import { readStagedAttachments } from '../../src/store/item-records.js';
import { attachmentKey, runDirectory } from '../../src/store/run-directory.js';
import { stageAttachments } from '../../src/store/stage-attachments.js';
import { PNG, rulesFor, scan, temporaryFolder, WAV } from '../input/helpers.js';

const RUN = 'run-1';
const index = runDirectory(RUN).attachments;

/** A storage that notes which sizes it was asked for, and how many at once. */
class Watched extends FileStorage {
  readonly asked: string[] = [];
  most = 0;
  #underWay = 0;

  override async size(key: string): Promise<number | undefined> {
    this.asked.push(key);
    this.most = Math.max(this.most, ++this.#underWay);
    return await super.size(key).finally(() => this.#underWay--);
  }
}

function fieldOf(attachment: string | readonly string[] | undefined): object {
  return Array.isArray(attachment) ? { attachments: attachment } : { attachment };
}

/** A staged input whose items have these files; undefined for an item without one. */
async function staged(
  files: Readonly<Record<string, Uint8Array>>,
  attachments: readonly (string | readonly string[] | undefined)[],
) {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const lines = attachments.map(
    (attachment, at) => `${JSON.stringify({ prompt: `item ${at}`, ...fieldOf(attachment) })}\n`,
  );
  const input = Buffer.from(lines.join(''));
  const rules = rulesFor(folder);
  const found = await scan(input, { attachments: rules });
  const storage = new Watched(await temporaryFolder());
  const readRange = async (start: number, end: number) => input.subarray(start, end);
  await stageAttachments({ storage, run: RUN, scan: found, readRange, rules });
  storage.asked.length = 0;
  storage.most = 0;
  return { storage, manifest: found.manifest };
}

const mixed = () =>
  staged({ 'one.png': PNG, 'same.png': PNG, 'beep.wav': WAV }, [
    'one.png',
    undefined,
    'same.png',
    'beep.wav',
    'https://example.com/x.png',
  ]);

it('a file that has changed since the input was scanned is not staged', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'one.png'), PNG);
  const input = Buffer.from(JSON.stringify({ prompt: 'see', attachment: 'one.png' }));
  const rules = rulesFor(folder);
  const found = await scan(input, { attachments: rules });
  await writeFile(join(folder, 'one.png'), Buffer.concat([PNG, PNG]));
  const storage = new FileStorage(await temporaryFolder());
  const readRange = async (start: number, end: number) => input.subarray(start, end);
  await expect(stageAttachments({ storage, run: RUN, scan: found, readRange, rules })).rejects.toMatchObject({
    code: 'CHANGED',
    message: '"one.png" has changed since the input was checked: it had 70 bytes, and has 140 now',
  });
  expect(await storage.list('')).toEqual([]);
});

describe('staged attachments', () => {
  it('that are all there are, each looked for once', async () => {
    const { storage, manifest } = await mixed();
    const counts: number[] = [];
    expect(await hasAttachments(storage, RUN, manifest, (count) => counts.push(count))).toBe(true);
    expect(storage.asked).toHaveLength(1 + 2);
    expect(counts).toEqual([1, 2]);
  });

  it('are not there when one is gone or cut off', async () => {
    const { storage, manifest } = await mixed();
    const [first = '', second = ''] = await readdir(join(storage.root, 'attachments'));
    const content = await storage.get(attachmentKey(first));
    await storage.removeAll(attachmentKey(first));
    expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
    await storage.put(attachmentKey(first), content);
    expect(await hasAttachments(storage, RUN, manifest)).toBe(true);
    await truncate(storage.path(attachmentKey(second)), 3);
    expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
  });

  it('are not there when it is not known which item has which', async () => {
    const { storage, manifest } = await mixed();
    const records = Buffer.from(await storage.get(index));
    await truncate(storage.path(index), records.byteLength - ATTACHMENT_RECORD_BYTES);
    expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
    records.fill(0xff, 0, ATTACHMENT_RECORD_BYTES);
    await storage.put(index, records);
    expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
    await storage.removeAll(index);
    expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
  });

  it('are looked for a bounded number at once, and no more of them when one is missing', async () => {
    const { storage, manifest } = await mixed();
    const many = Array.from({ length: 25_000 }, (_, at) => ({
      sha256: at.toString(16).padStart(64, '0'),
      bytes: 3,
      mediaType: 'image/png',
      modality: 'vision' as const,
    }));
    for (const { sha256 } of many.slice(0, 500)) await storage.put(attachmentKey(sha256), 'png');
    await storage.put(index, Buffer.concat(many.map(encodeAttachment)));
    expect(await hasAttachments(storage, RUN, { ...manifest, items: many.length })).toBe(false);
    expect(storage.most).toBeLessThanOrEqual(32);
    expect(storage.most).toBeGreaterThan(8);
    expect(storage.asked.length).toBeLessThanOrEqual(1 + 500 + 32);
  });
});

it('the several attachments of an item are found where the index says, each in its place', async () => {
  const files = { 'one.png': PNG, 'beep.wav': WAV };
  const { storage, manifest } = await staged(files, [
    ['one.png', 'https://example.com/x.png', 'beep.wav'],
    'beep.wav',
    undefined,
    ['beep.wav', 'one.png'],
  ]);
  expect(await hasAttachments(storage, RUN, manifest)).toBe(true);
  const [png, wav] = [expect.objectContaining({ bytes: PNG.length }), expect.objectContaining({ bytes: WAV.length })];
  const read = async (...items: number[]) => Object.fromEntries(await readStagedAttachments(storage, RUN, items));
  expect(await read(0, 1, 2, 3)).toEqual({ 0: [png, undefined, wav], 1: [wav], 3: [wav, png] });
  expect(await read(1, 3)).toEqual({ 1: [wav], 3: [wav, png] });
  expect(await read(3)).toEqual({ 3: [wav, png] });
  // Without its last record.
  await truncate(join(storage.root, index), (4 + 4) * ATTACHMENT_RECORD_BYTES);
  expect(await hasAttachments(storage, RUN, manifest)).toBe(false);
});

it('a file among several that has changed since the input was scanned is not staged', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'one.png'), PNG);
  await writeFile(join(folder, 'two.wav'), WAV);
  const input = Buffer.from(JSON.stringify({ prompt: 'see', attachments: ['one.png', 'two.wav'] }));
  const rules = rulesFor(folder);
  const found = await scan(input, { attachments: rules });
  await writeFile(join(folder, 'two.wav'), Buffer.concat([WAV, WAV]));
  const storage = new FileStorage(await temporaryFolder());
  const readRange = async (start: number, end: number) => input.subarray(start, end);
  await expect(stageAttachments({ storage, run: RUN, scan: found, readRange, rules })).rejects.toThrow(
    '"two.wav" has changed since the input was checked: it had',
  );
});
