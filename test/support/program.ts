import { PassThrough } from 'node:stream';
import { createProgram } from '../../src/cli/program.js';

/** The definition of the command line, for tests that read it and run no command. */
export const program = createProgram(
  {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    env: {},
    interrupt: new AbortController().signal,
  },
  () => undefined,
);
