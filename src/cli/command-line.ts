import { constants } from 'node:os';
import { listenForInterrupt } from './interrupt.js';
import { EXIT } from './io.js';
import { runCli } from './program.js';

// The command line of this process: what `main` starts, as the first chunk of the bundle.

const interrupt = listenForInterrupt(() => process.exit(exitCode(EXIT.DETACHED)));
const { stdin, stdout, stderr, env } = process;
// A reader that has seen enough closes its end: that is no failure of the command.
for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
void runCli(process.argv, { stdin, stdout, stderr, env, interrupt }).then((code) => process.exit(exitCode(code)));

/** A command that was left ends as a shell expects it of the signal: 130 for Ctrl-C, 143 for SIGTERM. */
function exitCode(code: number): number {
  const signal = Object.entries(constants.signals).find(([name]) => name === interrupt.reason)?.[1];
  return code === EXIT.DETACHED && signal !== undefined ? 128 + signal : code;
}
