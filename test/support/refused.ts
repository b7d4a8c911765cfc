import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { expect } from 'vitest';
import { runCli } from '../../src/cli/program.js';
import type { CliWorld, CommandOptions, Ended } from './cli.js';

/** A stack trace in what a command said. */
export const STACK = /\n\s+at .+:\d+/;

/**
 * Runs a command that must be refused: exit code 2, nothing on standard output, no server started, no request sent.
 * Returns its standard error, which is no stack trace. Runs in this process, since a process of its own costs half a
 * second, unless the command needs an environment, a standard input or a folder of its own.
 */
export async function refused(world: CliWorld, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const dataDir = world.path(`untouched-${randomUUID()}`);
  const { requests } = await world.network.stats();
  const env = { DRIA_TEMPORAL_HOME: dataDir, ...options.env };
  const isPlain = Object.keys(options).length === 0;
  const { code, stdout, stderr } = isPlain
    ? await runHere(args, { ...world.env, ...env })
    : await world.run(args, { ...options, env });
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  if (!args.includes('--debug')) expect(stderr).not.toMatch(STACK);
  expect(existsSync(dataDir), 'the data directory must not be touched').toBe(false);
  expect((await world.network.stats()).requests).toBe(requests);
  return stderr;
}

async function runHere(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Omit<Ended, 'ms'>> {
  const [stdout, stderr] = [output(), output()];
  const io = { stdin: new PassThrough().end(), stdout, stderr, env, interrupt: new AbortController().signal };
  const code = await runCli(['node', 'dria-temporal', ...args], io);
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

/** More than a command that is refused writes: nobody reads before its end. */
function output(): PassThrough {
  return new PassThrough({ encoding: 'utf8', highWaterMark: 1024 * 1024 });
}

/** Runs a command that must fail by what it met: exit code 1, no stack trace. */
export async function failed(world: CliWorld, args: readonly string[], options?: CommandOptions): Promise<Ended> {
  const ended = await world.run(args, options);
  expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code: 1, stdout: '' });
  expect(ended.stderr).not.toMatch(STACK);
  return ended;
}
