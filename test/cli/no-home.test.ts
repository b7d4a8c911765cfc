import { spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAIN } from '../support/cli.js';

/** A user id of no user; only root can start a process with it. */
const NOBODY = 54_321;

describe.skipIf(process.getuid?.() !== 0)('a user id without HOME and without an entry in the user database', () => {
  function run(args: readonly string[]): { readonly code: number | null; readonly stderr: string } {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      ...{ uid: NOBODY, gid: NOBODY, cwd: '/', encoding: 'utf8' },
      env: { PATH: '/usr/bin:/bin' },
    });
    return { code: status, stderr };
  }

  test('is told which settings help', () => {
    expect(run(['runs'])).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /no home folder to keep runs in. Choose a folder with --data-dir or DRIA_TEMPORAL_HOME/,
      ),
    });
  });

  test('can work with --data-dir', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-no-home-'));
    chownSync(folder, NOBODY, NOBODY);
    onTestFinished(() => rmSync(folder, { recursive: true }));
    expect(run(['results', 'none', '--data-dir', folder]).stderr).toContain('there is no run none');
    expect(run(['--version'])).toEqual({ code: 0, stderr: '' });
  });
});
