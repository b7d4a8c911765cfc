import { Command, Option } from 'commander';
import { EXIT, type Io } from '../io.js';
import { addReadFlags } from '../read-flags.js';
import { addRunOptions, runFlagsSchema, scheduleFlagsSchema } from '../run-flags.js';
import { OVERLAPS } from '../schedule-overlap.js';
import { addTemporalFlags, collect } from '../temporal-flags.js';

const DESCRIPTION = `Start runs at given times, on a Temporal server with workers of its own.

A schedule lives on the server: nothing of this machine needs to be up then.`;

const CREATE = `Start a run at each of the given times. Its id is that of the schedule and the time.

--input is a path that the workers can read, a key under --storage, or
s3://bucket/key; a pattern such as 'prompts/{{date}}/*.csv' is resolved when
the run starts. -o is a path or a key, where the results go beside the run
directory. {{date}} (2026-11-30) and {{time}} (02-00-00) in them
stand for the time that the run was scheduled for, in --time-zone.`;

const CREATE_EXAMPLE = `
Example:
  Every night at two, the prompts of that day:

    $ dria-temporal schedule create nightly --cron '0 2 * * *' \\
        --time-zone Europe/Berlin --storage s3://bucket/prefix \\
        --input 'prompts/{{date}}.jsonl' -o 'answers/{{date}}.jsonl'`;

/** The command `schedule`. */
export function scheduleCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('schedule').summary('Start runs at given times').description(DESCRIPTION);
  command.addCommand(createCommand(io, onExitCode));
  command.addCommand(listCommand(io, onExitCode));
  command.addCommand(
    oneCommand('describe', 'Show a schedule, its next times and its newest runs', io, onExitCode, true),
  );
  command.addCommand(oneCommand('trigger', 'Start a run now', io, onExitCode));
  command.addCommand(oneCommand('pause', 'Start no further runs; those under way go on', io, onExitCode));
  command.addCommand(oneCommand('unpause', 'Start runs again', io, onExitCode));
  command.addCommand(oneCommand('delete', 'Remove a schedule; its runs stay', io, onExitCode));
  return command;
}

function createCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('create')
    .summary('Make a schedule')
    .description(CREATE)
    .argument('<schedule>', 'Id of the schedule.')
    .optionsGroup('Schedule:')
    .addOption(
      new Option('--cron <times>', "When, as '0 2 * * *'. Repeatable.").argParser(collect).makeOptionMandatory(),
    )
    .option('--time-zone <name>', 'Time zone of the times, as Europe/Berlin. Default: UTC.')
    .addOption(
      new Option('--overlap <what>', 'If the run before is unfinished. Default: skip.').choices(Object.keys(OVERLAPS)),
    )
    .addOption(new Option('--input <file>', 'Prompts: a path, a key, s3://…; patterns too.').makeOptionMandatory())
    .optionsGroup('Batch:')
    .addHelpText('after', CREATE_EXAMPLE)
    .action(async (id: string, flags: unknown) => {
      const { createSchedule } = await import('../schedules.js');
      await createSchedule(id, scheduleFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  addRunOptions(command, '-o, --output <file>', 'Results beside the run directory: a path or a key.');
  return addTemporalFlags(addReadFlags(command));
}

function listCommand(io: Io, onExitCode: (code: number) => void): Command {
  const command = new Command('list')
    .summary('List schedules')
    .description('List the schedules of runs.')
    .option('--json', 'Print a line of JSON a schedule.')
    .action(async (flags: unknown) => {
      const { listSchedules } = await import('../schedules.js');
      await listSchedules(runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(command);
}

/** A command about one schedule. */
function oneCommand(
  name: 'describe' | 'trigger' | 'pause' | 'unpause' | 'delete',
  summary: string,
  io: Io,
  onExitCode: (code: number) => void,
  hasJson = false,
): Command {
  const command = new Command(name)
    .summary(summary)
    .description(`${summary}.`)
    .argument('<schedule>', 'Id of the schedule.')
    .action(async (id: string, flags: unknown) => {
      const { steerSchedule } = await import('../schedules.js');
      await steerSchedule(name, id, runFlagsSchema.parse(flags), io);
      onExitCode(EXIT.OK);
    });
  return addTemporalFlags(hasJson ? command.option('--json', 'Print JSON.') : command);
}
