import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isServing } from '../../src/embedded/frontend.js';
import { TestDataDir, temporalProgram, until } from './processes-of-test.js';

let program: string;
let dir: TestDataDir;

beforeAll(async () => {
  program = await temporalProgram();
}, 300_000);
beforeEach(() => {
  dir = new TestDataDir(program);
});
afterEach(() => dir.remove());

describe('commands on one data directory', () => {
  it('share one server and its Web UI, and the last to leave stops it', async () => {
    const [first, second] = [await dir.join(), await dir.join()];
    const place = await first.joined();
    expect(await second.joined()).toEqual(place);
    expect(dir.servers).toHaveLength(1);
    expect((await fetch(place.uiUrl)).status).toBe(200);

    const server = dir.server;
    await first.leave();
    const third = await dir.join();
    expect(dir.server).toBe(server);
    await second.leave();
    await third.leave();
    await dir.untilStopped();
  });

  it('find the server on the same ports the next time', async () => {
    const first = await dir.join();
    const place = await first.joined();
    await first.leave();
    await dir.untilStopped();
    const second = await dir.join();
    expect(await second.joined()).toEqual(place);
  });

  it('get a running server when they come while it is being stopped', async () => {
    const first = await dir.join();
    const port = Number((await first.joined()).address.split(':')[1]);
    await first.leave();
    while (await isServing(port));
    const second = await dir.join();
    const { uiUrl } = await second.joined();
    expect((await fetch(uiUrl)).status).toBe(200);
    expect(dir.servers).toHaveLength(1);
  });

  it('that all come at once get one server', async () => {
    const members = Array.from({ length: 10 }, () => dir.start());
    const places = await Promise.all(members.map((member) => member.joined()));
    expect(new Set(places.map((place) => place.address)).size).toBe(1);
    expect(dir.servers).toHaveLength(1);
    await until('one keeper is left', () => countKeepers(dir.dataDir) === 1);
    for (const member of members) member.kill();
    await dir.untilStopped();
  });

  it('share it also when they name the directory in different ways', async () => {
    const other = join(dir.dataDir, 'link');
    symlinkSync(dir.dataDir, other);
    const first = await dir.join();
    const second = dir.start({}, other);
    expect(await second.joined()).toEqual(await first.joined());
    expect(dir.servers).toHaveLength(1);
  });

  it('tell the step of starting the server', async () => {
    const first = await dir.join();
    expect(first.steps()).toContain('Starting the local Temporal server');
  });
});

describe('the background processes', () => {
  it.runIf(process.platform === 'linux')('do not get the API key', async () => {
    const member = dir.start({ DRIA_API_KEY: 'dkn_live_secret' });
    await member.joined();
    for (const pid of [dir.keeper, dir.server]) {
      expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).not.toContain('dkn_live_secret');
    }
  });
});

function countKeepers(dataDir: string): number {
  const commands = execFileSync('ps', ['-axww', '-o', 'command='], { encoding: 'utf8' }).split('\n');
  return commands.filter((command) => command.includes('keeper.js') && command.includes(dataDir)).length;
}
