import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { requestFormFromFlags } from '../../../src/cli/request-form-flags.js';

const NONE = { body: undefined, omit: [], rename: [] };
const { signal } = new AbortController();

it('fields of requests come from flags, from a file as well, and several at a time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dria-form-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'body.json'), '{"seed": 7}\n');
  const flags = {
    body: `@${folder}/body.json`,
    omit: ['temperature, max_tokens', 'timeout_secs'],
    rename: ['a=b', 'c=d=e'],
  };
  expect(await requestFormFromFlags(flags, signal)).toEqual({
    body: { seed: 7 },
    omit: ['temperature', 'max_tokens', 'timeout_secs'],
    rename: { a: 'b', c: 'd=e' },
  });
  expect(await requestFormFromFlags(NONE, signal)).toEqual({});
});

it.each([
  [{ body: '{seed: 7}' }, /^--body: not JSON: /],
  [{ body: '[1]' }, /^--body: not a JSON object/],
  [{ body: '@/nowhere/body.json' }, /^--body: \/nowhere\/body\.json cannot be read/],
  [{ rename: ['max_tokens'] }, /^--rename: give KEY=VALUE/],
])('a flag that cannot be read is named: %j', async (flags, problem) => {
  await expect(requestFormFromFlags({ ...NONE, ...flags }, signal)).rejects.toThrow(problem);
});
