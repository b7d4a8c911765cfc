import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkBinary } from '../../src/embedded/binary/version.js';
import { choosePorts } from '../../src/embedded/ports.js';
import { serverArguments } from '../../src/embedded/server-process.js';
import { readServerState, writeState } from '../../src/embedded/state.js';
import { TestDataDir, temporalProgram } from './processes-of-test.js';

let program: string;
let dir: TestDataDir;

beforeAll(async () => {
  program = await temporalProgram();
}, 300_000);
beforeEach(() => {
  dir = new TestDataDir(program);
});
afterEach(() => dir.remove());

/** Whether this machine lets us mount a file system of our own: full disks are then tried for real. */
function canMount(): boolean {
  const probe = spawnSync('sh', ['-c', 'd=$(mktemp -d) && mount -t tmpfs none "$d" && umount "$d" && rmdir "$d"']);
  return process.platform === 'linux' && probe.status === 0;
}

describe('a person is told what to do when', () => {
  it('the data directory is not a folder', async () => {
    const file = join(dir.dataDir, 'file');
    writeFileSync(file, '');
    const failure = await dir.start({}, join(file, 'data')).failed();
    expect(failure.code).toBe('DATA_DIR');
    expect(failure.message).toContain(join(file, 'data'));
    expect(failure.message).toContain('--data-dir');
  });

  it('the database is damaged', async () => {
    mkdirSync(dir.paths.dir);
    writeFileSync(dir.paths.database, 'this is no database, but long enough to be taken for one'.repeat(100));
    const failure = await dir.start().failed();
    expect(failure.code).toBe('START_FAILED');
    expect(failure.message).toContain(`${dir.paths.database} is damaged`);
  });

  it('the database was used by a newer server', async () => {
    await (await dir.join()).leave();
    await dir.untilStopped();
    const state = readServerState(dir.paths.serverState);
    if (!state) throw new Error('no state');
    writeState(dir.paths.serverState, { ...state, databaseVersion: '2.0.0' });
    const failure = await dir.start().failed();
    expect(failure.code).toBe('NEWER_DATABASE');
    expect(failure.message).toContain('2.0.0');
    expect(failure.message).toContain('TEMPORAL_CLI_PATH');
  });

  it('TEMPORAL_CLI_PATH names nothing', async () => {
    const failure = await dir.start({ TEMPORAL_CLI_PATH: '/nowhere/temporal' }).failed();
    expect(failure.code).toBe('BINARY');
    expect(failure.message).toContain('TEMPORAL_CLI_PATH is /nowhere/temporal');
  });

  it.runIf(canMount())('the disk is full', async () => {
    const disk = join(dir.dataDir, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=300k', 'none', disk]);
    try {
      const failure = await dir.start({}, disk).failed();
      expect(failure.code).toBe('DISK_FULL');
      expect(failure.message).toContain(disk);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });

  it.runIf(canMount())('the disk is read-only', async () => {
    const disk = join(dir.dataDir, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'none', disk]);
    try {
      const failure = await dir.start({}, disk).failed();
      expect(failure.code).toBe('DATA_DIR');
      expect(failure.message).toContain(disk);
    } finally {
      execFileSync('umount', ['-l', disk]);
    }
  });
});

describe('the database', () => {
  it('cannot be opened by a second server, whoever starts it', async () => {
    await dir.join();
    const args = serverArguments(dir.paths, await choosePorts());
    const second = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain('database is locked');
  });

  it('keeps closed runs for 30 days', async () => {
    const member = await dir.join();
    const { address } = await member.joined();
    const describeNamespace = [
      'operator',
      'namespace',
      'describe',
      '-n',
      'default',
      '--address',
      address,
      '-o',
      'json',
    ];
    await expect
      .poll(() => execFileSync(program, describeNamespace, { encoding: 'utf8' }), { timeout: 10_000 })
      .toMatch(/"workflowExecutionRetentionTtl": "2592000s"/);
  });
});

describe('a lost state', () => {
  it.each([
    ['empty', ''],
    ['half written', '{"port": 1'],
    ['of another kind', '{"port":"x"}'],
  ])('%s is no obstacle', async (_, content) => {
    const first = await dir.join();
    await first.leave();
    await dir.untilStopped();
    writeFileSync(dir.paths.serverState, content);
    writeFileSync(dir.paths.keeperState, content);
    const second = await dir.join();
    await second.joined();
    expect(JSON.parse(readFileSync(dir.paths.serverState, 'utf8'))).toHaveProperty('databaseVersion');
  });
});

it('a command that gives up while the server starts leaves nothing running', async () => {
  const member = dir.start({ GIVE_UP_AT_FIRST_STEP: '1' });
  expect(await member.failed()).toEqual({ code: 'Error', message: 'given up' });
  await dir.untilStopped();
});

it('a temporal that is a wrapper script is stopped with its server, and a broken profile is no obstacle', async () => {
  const wrapper = join(dir.dataDir, 'temporal');
  writeFileSync(wrapper, `#!/bin/sh\n"${program}" "$@"\nexit $?\n`, { mode: 0o755 });
  const profile = join(dir.dataDir, '.config', 'temporalio', 'temporal.toml');
  mkdirSync(join(profile, '..'), { recursive: true });
  writeFileSync(profile, 'this is no TOML');
  const member = dir.start({ TEMPORAL_CLI_PATH: wrapper, HOME: dir.dataDir });
  const { uiUrl } = await member.joined();
  expect((await fetch(uiUrl)).status).toBe(200);
  await member.leave();
  await dir.untilStopped();
});

it('the program is asked for its version once', async () => {
  await dir.join();
  const known = readServerState(dir.paths.serverState)?.binary;
  if (!known) throw new Error('no state');
  const checked = await checkBinary(program, { ...known, serverVersion: '9.9.9' });
  expect(checked).toMatchObject({ binary: { serverVersion: '9.9.9' } });
});
