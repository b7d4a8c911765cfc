import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { withKey } from './api-key-flag.js';
import { attachCommand } from './commands/attach.js';
import { batchCommand } from './commands/batch.js';
import { checkCommand } from './commands/check.js';
import { completeCommand, completionCommand } from './commands/completion.js';
import { endpointsCommand } from './commands/endpoints.js';
import { modelsCommand } from './commands/models.js';
import { reportCommand } from './commands/report.js';
import { resultsCommand } from './commands/results.js';
import { retryCommand } from './commands/retry.js';
import { runsCommand } from './commands/runs.js';
import { scheduleCommand } from './commands/schedule.js';
import { serverCommand } from './commands/server.js';
import { setCommand } from './commands/set.js';
import { simulateCommand } from './commands/simulate.js';
import { statusCommand } from './commands/status.js';
import { cancelCommand, pauseCommand, resumeCommand } from './commands/steer.js';
import { workerCommand } from './commands/worker.js';
import { describeFailure, UserError } from './errors.js';
import { EXIT, type Io } from './io.js';
import { ownArgs } from './temporal-args.js';

const DESCRIPTION = `Durable batch inference on Temporal: JSONL of prompts in, JSONL of answers out.
Nothing that dies on the way costs an answer that you already have.`;

const EXAMPLE = `
Example:
  Answer every prompt of a file:

    $ export DRIA_API_KEY=YourKey
    $ dria-temporal batch prompts.jsonl -o results.jsonl`;

/** Parses the command line, runs the command and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.OK;
  const ours: { -readonly [Part in keyof Io]: Io[Part] } = { ...io };
  const program = createProgram(ours, (result) => {
    code = result;
  });
  try {
    const { args, env } = ownArgs(argv.slice(2), program, io.env);
    ours.env = env;
    program.hook('preAction', (_program, command) => {
      ours.env = withKey(ours.env, command.opts());
    });
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return endWith(error, argv.includes('--debug'), io);
  }
}

/** The whole command line. `onExitCode` is told what the command that ran ended with. */
export function createProgram(io: Io, onExitCode: (code: number) => void): Command {
  const program = new Command('dria-temporal')
    .description(DESCRIPTION)
    .version(packageVersion(), '--version', 'Print the version.')
    .option('--debug', 'Print stack traces of errors.')
    .addHelpText('after', EXAMPLE);
  for (const make of [
    batchCommand,
    checkCommand,
    attachCommand,
    statusCommand,
    runsCommand,
    resultsCommand,
    reportCommand,
    pauseCommand,
    resumeCommand,
    cancelCommand,
    setCommand,
    retryCommand,
    scheduleCommand,
    modelsCommand,
    endpointsCommand,
    workerCommand,
    serverCommand,
  ]) {
    program.addCommand(make(io, onExitCode));
  }
  program.addCommand(simulateCommand());
  program.addCommand(completionCommand(io, onExitCode));
  program.addCommand(completeCommand(program, io, onExitCode), { hidden: true });
  for (const command of [program, ...program.commands.flatMap((known) => [known, ...known.commands])])
    prepare(command, io);
  return program;
}

function prepare(command: Command, io: Io): void {
  command
    .exitOverride()
    .helpOption('-h, --help', 'Print this help.')
    .configureHelp({ helpWidth: 80, showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
    });
}

function endWith(error: unknown, debug: boolean, io: Io): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message; only help and version that were asked for are a success.
    return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
  }
  if (io.interrupt.aborted) return EXIT.DETACHED;
  io.stderr.write(`dria-temporal: ${describeFailure(error, debug)}\n`);
  return error instanceof UserError ? error.exitCode : EXIT.FAILED;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '';
}
