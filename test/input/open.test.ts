import { execFileSync } from 'node:child_process';
import { appendFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInput } from '../../src/input/open.js';
import { rulesFor, scan, temporaryFolder } from './helpers.js';

describe('opening an input', () => {
  it('gives its bytes, its size and the folder of its attachments', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'prompts.jsonl');
    await writeFile(file, '{"prompt":"a"}\n');
    const { source, checkUnchanged: _, identity, ...rest } = await openInput(file);
    expect(identity).toMatch(/^\d+:\d+$/);
    expect(rest).toEqual({ name: file, bytes: 15, folder });
    expect((await scan('', { source, attachments: rulesFor(folder) })).manifest.items).toBe(1);
  });

  it('opens no file before it is read, so that nothing is left open of what nobody reads', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'prompts.jsonl');
    await writeFile(file, '{"prompt":"a"}\n');
    const { source } = await openInput(file);
    await rm(file);
    await expect(scan('', { source, attachments: rulesFor(folder) })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('tells when the file is written to, cut, replaced or removed while it is read', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'prompts.jsonl');
    const changes: [() => Promise<void>, object][] = [
      [async () => undefined, { code: undefined }],
      [() => appendFile(file, '\n'), { code: 'CHANGED', message: expect.stringContaining('16 now') }],
      [() => truncate(file, 3), { code: 'CHANGED', message: expect.stringContaining('3 now') }],
      [() => writeFile(file, '{"prompt":"b"}\n'), { code: 'CHANGED' }],
      [() => rename(`${file}.new`, file), { code: 'CHANGED' }],
      [() => rm(file), { code: 'NOT_FOUND' }],
    ];
    for (const [change, expected] of changes) {
      await writeFile(`${file}.new`, '{"prompt":"a"}\n');
      await writeFile(file, '{"prompt":"a"}\n');
      const { source, checkUnchanged } = await openInput(file);
      await scan('', { source, attachments: rulesFor(folder) });
      await change();
      const error = await checkUnchanged().then(
        () => ({ code: undefined }),
        (reason: unknown) => reason,
      );
      expect(error, String(change)).toMatchObject(expected);
    }
  });

  it('says when there is no such file or it is none, without waiting for a pipe', async () => {
    const folder = await temporaryFolder();
    const missing = path.join(folder, 'none.jsonl');
    await expect(openInput(missing)).rejects.toMatchObject({ code: 'NOT_FOUND', message: `${missing}: no such file` });
    await expect(openInput(folder)).rejects.toMatchObject({
      code: 'IS_DIRECTORY',
      message: `${folder} is a directory: give a JSONL file of prompts`,
    });
    const pipe = path.join(folder, 'pipe.jsonl');
    execFileSync('mkfifo', [pipe]);
    for (const other of [pipe, '/dev/null']) {
      await expect(openInput(other)).rejects.toMatchObject({ message: expect.stringContaining('is not a file') });
    }
  });
});
