import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInput } from '../../src/input/open.js';
import { rulesFor, scan, temporaryFolder } from './helpers.js';

describe('opening an input', () => {
  it('gives its bytes, its size and the folder of its attachments', async () => {
    const folder = await temporaryFolder();
    const file = path.join(folder, 'prompts.jsonl');
    await writeFile(file, '{"prompt":"a"}\n');
    const { source, ...rest } = await openInput(file);
    expect(rest).toEqual({ name: file, bytes: 15, folder });
    expect((await scan('', { source, attachments: rulesFor(folder) })).manifest.items).toBe(1);
  });

  it('takes - for standard input, with attachments against the current folder', async () => {
    const { source, ...rest } = await openInput('-');
    expect(source).toBe(process.stdin);
    expect(rest).toEqual({ name: 'standard input', bytes: undefined, folder: process.cwd() });
  });

  it('says when there is no such file or it is a directory', async () => {
    const folder = await temporaryFolder();
    const missing = path.join(folder, 'none.jsonl');
    await expect(openInput(missing)).rejects.toMatchObject({ code: 'NOT_FOUND', message: `${missing}: no such file` });
    await expect(openInput(folder)).rejects.toMatchObject({
      code: 'IS_DIRECTORY',
      message: `${folder} is a directory: give a JSONL file of prompts`,
    });
  });
});
