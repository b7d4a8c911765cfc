import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import type { CliWorld, CommandOptions, Ended } from './cli.js';

/** A stack trace in what a command said. */
export const STACK = /\n\s+at .+:\d+/;

/**
 * Runs a command that must be refused: exit code 2, nothing on standard output, no server started, no request sent.
 * Returns what it said, which is no stack trace.
 */
export async function refused(world: CliWorld, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const dataDir = world.path(`untouched-${randomUUID()}`);
  const { requests } = await world.network.stats();
  const env = { DRIA_TEMPORAL_HOME: dataDir, ...options.env };
  const { code, stdout, stderr } = await world.run(args, { ...options, env });
  expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: '' });
  if (!args.includes('--debug')) expect(stderr).not.toMatch(STACK);
  expect(existsSync(dataDir), 'the data directory must not be touched').toBe(false);
  expect((await world.network.stats()).requests).toBe(requests);
  return stderr;
}

/** Runs a command that must fail by what it met: exit code 1, no stack trace. */
export async function failed(world: CliWorld, args: readonly string[], options?: CommandOptions): Promise<Ended> {
  const ended = await world.run(args, options);
  expect({ code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ code: 1, stdout: '' });
  expect(ended.stderr).not.toMatch(STACK);
  return ended;
}
