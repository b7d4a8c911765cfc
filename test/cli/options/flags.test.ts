import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { optionsFromFlags } from '../../../src/cli/batch-request.js';
import { addBatchFlags, batchFlagsSchema } from '../../../src/cli/run-flags.js';
import { runRequestOf } from '../../../src/cli/same-run.js';

const optionsOf = async (...args: readonly string[]) => {
  const command = addBatchFlags(new Command()).parse([...args], { from: 'user' });
  // What every command has that connects to a server.
  const flags = batchFlagsSchema.parse({ ...command.opts(), grpcMeta: [], codecHeader: [] });
  return await optionsFromFlags(flags, new AbortController().signal);
};

describe('the flags of a batch', () => {
  it.each<[readonly string[], object]>([
    [[], { repair: true, groupPrefix: false }],
    [['--no-repair'], { repair: false }],
    [['--repair'], { repair: true }],
    [['--group-prefix'], { groupPrefix: true }],
  ])('%j are options', async (args, expected) => {
    expect(await optionsOf(...args)).toMatchObject(expected);
  });

  it('leave the answers of a run alone, and are of its pace', async () => {
    const one = runRequestOf(await optionsOf(), 'http://a/v1');
    const other = runRequestOf(await optionsOf('--no-repair', '--group-prefix'), 'http://a/v1');
    expect(other.answers).toEqual(one.answers);
    expect(other.pace).toMatchObject({ '--repair': 'false', '--group-prefix': 'true' });
  });
});
