import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCli } from '../../src/cli/program.js';

/** How a command in this process ended, and all it wrote. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in this process, with nothing of this process's environment. */
export async function command(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  const [stdin, stdout, stderr] = [new PassThrough().end(), new PassThrough(), new PassThrough()];
  const written = Promise.all([text(stdout), text(stderr)]);
  const code = await runCli(['node', 'dria-temporal', ...args], {
    stdin,
    stdout,
    stderr,
    env: { HOME: '/nonexistent', ...env },
    interrupt: new AbortController().signal,
  });
  stdout.end();
  stderr.end();
  const [out, err] = await written;
  return { code, stdout: out, stderr: err };
}
