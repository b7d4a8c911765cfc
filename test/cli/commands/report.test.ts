import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { runCli } from '../../../src/cli/program.js';

test('a report is not written to a terminal', async () => {
  const stdout = Object.assign(new PassThrough(), { isTTY: true });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const io = { stdin: new PassThrough(), stdout, stderr, env: {}, interrupt: new AbortController().signal };
  expect(await runCli(['node', 'dria-temporal', 'report', 'any'], io)).toBe(2);
  expect(String(stderr.read())).toMatch(/not for a terminal\n.*-o report\.html/);
  expect(stdout.readableLength).toBe(0);
});
