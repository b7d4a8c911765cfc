import { Command } from 'commander';
import { API_KEY_FLAG } from '../api-key-flag.js';
import { ENDPOINTS_FLAG } from '../endpoints-flag.js';
import { addFormatFlags } from '../format-flags.js';
import { EXIT, type Io } from '../io.js';
import { cancelFlagsSchema, runFlagsSchema } from '../run-flags.js';
import { addTemporalFlags } from '../temporal-flags.js';

const PAUSE = `Pause a run: no more work is given out. Requests in flight are finished and their
answers kept.`;

const RESUME = `Go on with a run that is paused: by somebody, for want of credits, at a canary, or
because the endpoint refused the first items.`;

const CANCEL = `End a run. Its answers are kept, and written to -o or where the run was started for.
The command that started it goes on with them when it is given again.

--discard removes the answers instead. Requests in flight are waited for. With -o or --discard
a run that is cancelled already is meant too.`;

/** The command `pause`. */
export function pauseCommand(io: Io, onExitCode: (code: number) => void): Command {
  return orderCommand('pause', 'Pause a run', PAUSE, io, onExitCode);
}

/** The command `resume`. */
export function resumeCommand(io: Io, onExitCode: (code: number) => void): Command {
  return orderCommand('resume', 'Go on with a paused run', RESUME, io, onExitCode);
}

/** The command `cancel`. */
export function cancelCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = runCommand('cancel', 'End a run', CANCEL)
    .option('-o, --output <file>', 'Write the answers that there are.')
    .option('--discard', 'Remove the answers instead of keeping them.')
    .option('-y, --yes', 'Discard without asking.')
    .action(async (id: string, flags: unknown) => {
      const { cancelRun } = await import('../cancel-run.js');
      onExitCode(await cancelRun(id, cancelFlagsSchema.parse(flags), io));
    });
  return addTemporalFlags(addFormatFlags(command));
}

function orderCommand(
  order: 'pause' | 'resume',
  summary: string,
  description: string,
  io: Io,
  onExitCode: (code: number) => void,
): Command {
  const command = runCommand(order, summary, description)
    .option('--base-url <url>', 'Endpoint that the run was started for. Default: DRIA_BASE_URL.')
    .option(...API_KEY_FLAG)
    .option(...ENDPOINTS_FLAG)
    .action(async (id: string, flags: unknown) => {
      const { steerRun } = await import('../steer-run.js');
      await steerRun(order, id, runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}

function runCommand(name: string, summary: string, description: string): Command {
  return new Command(name)
    .summary(summary)
    .description(description)
    .argument('<id>', 'Id of the run.')
    .addHelpText('after', `\nExample:\n  $ dria-temporal ${name} YourRunId`);
}
