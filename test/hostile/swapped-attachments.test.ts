import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { AllowedFolders } from '../../src/input/allowed-folders.js';
import { checkFile } from '../../src/input/attachment-file.js';
import { type AttachmentRules, resolveAttachment } from '../../src/input/attachments.js';
import { AttachmentError } from '../../src/input/errors.js';
import { PNG, rulesFor, temporaryFolder } from '../input/helpers.js';

/* Somebody who may write to the input's folder swaps a file, or its folder, for a link to what only our user can read. */

const SECRET = Buffer.concat([PNG, Buffer.from('secret')]);
const ROUNDS = 150;

interface Place {
  readonly data: string;
  readonly outside: string;
  readonly rules: AttachmentRules;
}

/** `data/sub/a.png` may be attached; `outside/a.png` is a secret, of the same length as another file in `sub`. */
async function place(): Promise<Place> {
  const root = await realpath(await temporaryFolder());
  const [data, outside] = [path.join(root, 'data'), path.join(root, 'outside')];
  await mkdir(path.join(data, 'sub'), { recursive: true });
  await mkdir(outside);
  await writeFile(path.join(data, 'sub', 'a.png'), Buffer.concat([PNG, Buffer.from('public')]));
  await writeFile(path.join(outside, 'a.png'), SECRET);
  return { data, outside, rules: rulesFor(data) };
}

/** Puts a link in the place of what is there, and back. */
function swap({ data, outside }: Place, what: string): { link(): void; back(): void } {
  const real = path.join(data, what);
  const target = path.join(outside, path.relative('sub', what));
  const link = () => {
    renameSync(real, `${data}-away`);
    symlinkSync(target, real);
  };
  const back = () => {
    rmSync(real);
    renameSync(`${data}-away`, real);
  };
  return { link, back };
}

async function read(rules: AttachmentRules): Promise<Buffer | AttachmentError> {
  try {
    const file = await resolveAttachment('sub/a.png', rules);
    if (file.kind !== 'file') throw new Error('it is a file');
    const pieces: Buffer[] = [];
    for await (const piece of await file.open()) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    if (error instanceof AttachmentError) return error;
    throw error;
  }
}

describe.each(['sub/a.png', 'sub'])('an attachment whose %s is swapped for a link to a file outside', (what) => {
  it('again and again while it is read never gives the content from outside', async () => {
    const there = await place();
    const { link, back } = swap(there, what);
    let isOver = false;
    const swapping = (async () => {
      while (!isOver) {
        link();
        await new Promise(setImmediate);
        back();
        await new Promise(setImmediate);
      }
    })();
    const results = [];
    for (let round = 0; round < ROUNDS; round++) results.push(await read(there.rules));
    isOver = true;
    await swapping;
    expect(results.filter((result) => Buffer.isBuffer(result) && result.equals(SECRET))).toEqual([]);
    // Both were met: the file as it is, and the link.
    expect(await read(there.rules)).toEqual(Buffer.concat([PNG, Buffer.from('public')]));
    expect(results.some((result) => result instanceof AttachmentError)).toBe(true);
  });

  it('between the check of its path and the opening is refused', async () => {
    const there = await place();
    const swapping = new (class extends AllowedFolders {
      override async check(name: string, text: string, real: string): Promise<void> {
        await super.check(name, text, real);
        swap(there, what).link();
      }
    })(there.data, []);
    const file = checkFile('"a"', 'sub/a.png', swapping, 1_000);
    await expect(file).rejects.toMatchObject({ code: 'CHANGED', message: '"a" changed while it was read' });
  });

  it('between the check and the reading is refused', async () => {
    const there = await place();
    const file = await resolveAttachment('sub/a.png', there.rules);
    if (file.kind !== 'file') throw new Error('it is a file');
    swap(there, what).link();
    await expect(file.open()).rejects.toMatchObject({ name: 'AttachmentError', code: 'FORBIDDEN' });
  });
});

describe('an attachment that changes between the check and the reading', () => {
  it.each([
    ['replaced by another file', (file: string) => replace(file, SECRET)],
    ['replaced by another file with the same times', (file: string) => replace(file, SECRET, new Date(1_000))],
    ['written to', (file: string) => writeFileSync(file, SECRET)],
    ['cut', (file: string) => writeFileSync(file, PNG)],
  ])('since it is %s is refused', async (_how, change) => {
    const { data, rules } = await place();
    const written = path.join(data, 'sub', 'a.png');
    utimesSync(written, new Date(1_000), new Date(1_000));
    const file = await resolveAttachment('sub/a.png', rules);
    if (file.kind !== 'file') throw new Error('it is a file');
    change(written);
    await expect(file.open()).rejects.toMatchObject({
      code: 'CHANGED',
      message: '"sub/a.png" changed while it was read',
    });
  });

  it('by the moving of its folder and another one in its place is refused', async () => {
    const { data, rules } = await place();
    const file = await resolveAttachment('sub/a.png', rules);
    if (file.kind !== 'file') throw new Error('it is a file');
    renameSync(path.join(data, 'sub'), path.join(data, 'old'));
    mkdirSync(path.join(data, 'sub'));
    writeFileSync(path.join(data, 'sub', 'a.png'), SECRET);
    await expect(file.open()).rejects.toMatchObject({ code: 'CHANGED' });
  });
});

function replace(file: string, content: Buffer, time?: Date): void {
  writeFileSync(`${file}.new`, content);
  if (time !== undefined) utimesSync(`${file}.new`, time, time);
  renameSync(`${file}.new`, file);
}
