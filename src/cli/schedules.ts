import { isAbsolute, posix } from 'node:path';
import { fillPlaceholders, PLACEHOLDERS, unknownPlaceholders } from '../batch/placeholders.js';
import { checkedFormat, isPlaceForResults, namesOf } from '../batch/run.js';
import { shellWord } from '../batch/shell-word.js';
import type { BatchSchedule, BatchScheduleDescription } from '../client-schedules.js';
import { DEFAULT_TASK_QUEUE } from '../start-batch.js';
import { isS3Root } from '../storage/s3-location.js';
import { baseUrlFromFlags } from './base-url.js';
import { attachmentRoots, checkRunId, checkScheduling, optionsFromFlags } from './batch-request.js';
import { isNamed, UserError } from './errors.js';
import type { Io } from './io.js';
import { placesOf } from './places.js';
import { readOptionsOf } from './read-flags.js';
import { saidOfFormats } from './result-format.js';
import { withConstantSystem } from './row-flags.js';
import { endpointsFromFlags, withEndpoints } from './run-endpoints.js';
import type { RunFlags, ScheduleFlags } from './run-flags.js';
import { runRequestOf } from './same-run.js';
import { OVERLAPS } from './schedule-overlap.js';
import { checkSearchAttributes } from './search-attributes.js';
import type { Session } from './session.js';
import { withSession } from './show-runs.js';
import { checkTaskQueue, type TemporalFlags } from './temporal-flags.js';
import { temporalSettings } from './temporal-settings.js';
import { formatMoment } from './terminal/format.js';
import { type Column, tableLines } from './terminal/table.js';
import { clean } from './terminal/text.js';
import { checkWebhookFlag, webhookFromFlags } from './webhook-flag.js';

/** Makes a schedule. Throws a `UserError` that names the flag for what cannot be. */
export async function createSchedule(id: string, flags: ScheduleFlags, io: Io): Promise<void> {
  checkRunId(id, 'the id of a schedule');
  refuseEmbedded(flags, io);
  checkTaskQueue(flags);
  checkScheduling(flags);
  checkWebhookFlag(flags, temporalSettings(flags, io.env), io.env);
  const file = await endpointsFromFlags(flags, io, false);
  const { read, options } = withConstantSystem({
    read: await readOptionsOf(flags, io.interrupt),
    options: withEndpoints(await optionsFromFlags(flags, io.interrupt), file),
  });
  const endpoint = file?.text ?? baseUrlFromFlags(flags.baseUrl, io.env);
  const { root } = placesOf(flags, io.env).storage;
  const input = inputOf(flags.input, root);
  const output = flags.output === undefined ? undefined : outputOf(flags.output, root);
  const { outputFormat, flatten } = flags;
  const format = { ...(outputFormat === undefined ? {} : { outputFormat }), ...(flatten ? { flatten } : {}) };
  await saidOfFormats(() => checkedFormat({ input, output, ...format, options }));
  const { timeZone, taskQueue = DEFAULT_TASK_QUEUE, heartbeatTimeout, priority, weight } = flags;
  checkTimeZone(timeZone);
  const zone = timeZone === undefined ? {} : { timeZone };
  const batch = {
    taskQueue,
    title: `${input} · scheduled`,
    details: `Input \`${input}\`, by the schedule \`${id}\`, for ${endpoint}.`,
    memo: { endpoint, input, concurrency: options.concurrency, request: runRequestOf(options, endpoint, flags) },
    ...(priority === undefined ? {} : { priority }),
    ...(weight === undefined ? {} : { weight }),
    input: {
      input,
      ...(Object.keys(read).length === 0 ? {} : { read }),
      options,
      ...(file === undefined ? { endpoint } : {}),
      attachments: { roots: attachmentRoots(flags) },
      ...zone,
      ...webhookFromFlags(flags),
      ...(flags.reuse === undefined ? {} : { reuse: flags.reuse }),
      ...(output === undefined ? {} : { output }),
      ...format,
      ...(flags.searchAttributes ? { searchAttributes: true } : {}),
      ...(heartbeatTimeout === undefined ? {} : { heartbeatTimeoutMs: Math.round(heartbeatTimeout * 1000) }),
    },
  };
  const overlap = OVERLAPS[flags.overlap ?? ''];
  await withSession(flags, io, async (session) => {
    if (flags.searchAttributes) await checkSearchAttributes(session);
    const { schedules } = session.batches;
    await schedules
      .create({ id, cron: flags.cron, ...zone, ...(overlap === undefined ? {} : { overlap }), batch })
      .catch((error: unknown) => refused(id, error));
    const next = (await schedules.describe(id))?.next[0];
    const first = next === undefined ? 'none of its times is to come' : `next run ${formatMoment(next.getTime())}`;
    io.stderr.write(`${id} is made: ${first}, on workers of the task queue ${taskQueue} with the storage ${root}\n`);
  });
}

/** Prints the schedules of runs. */
export async function listSchedules(flags: RunFlags, io: Io): Promise<void> {
  refuseEmbedded(flags, io);
  await withSession(flags, io, async (session) => {
    const schedules: BatchSchedule[] = [];
    for await (const schedule of session.batches.schedules.list()) schedules.push(schedule);
    if (flags.json) for (const schedule of schedules) io.stdout.write(`${JSON.stringify(schedule)}\n`);
    else io.stdout.write(`${schedules.length === 0 ? 'No schedules.' : tableLines(COLUMNS, schedules).join('\n')}\n`);
  });
}

const COLUMNS: readonly Column<BatchSchedule>[] = [
  { title: 'SCHEDULE', align: 'left', value: ({ id }) => id },
  { title: 'STATE', align: 'left', value: stateOf },
  { title: 'NEXT', align: 'left', value: ({ next }) => moment(next[0]) },
  { title: 'NEWEST RUN', align: 'left', value: ({ recent }) => recent.at(-1) ?? '-' },
];

/** Does something with one schedule. Throws a `UserError` if there is none that starts runs. */
export async function steerSchedule(
  order: 'describe' | 'trigger' | 'pause' | 'unpause' | 'delete',
  id: string,
  flags: RunFlags,
  io: Io,
): Promise<void> {
  refuseEmbedded(flags, io);
  await withSession(flags, io, async (session) => {
    const schedule = await findSchedule(id, session);
    const { schedules } = session.batches;
    switch (order) {
      case 'describe':
        io.stdout.write(flags.json ? `${JSON.stringify(schedule)}\n` : scheduleView(schedule));
        return;
      case 'trigger':
        await schedules.trigger(id);
        io.stderr.write(`${id} starts a run; its id: dria-temporal schedule describe ${shellWord(id)}\n`);
        return;
      case 'pause':
        await schedules.pause(id, 'by dria-temporal');
        io.stderr.write(`${id} is paused: it starts no further runs\n`);
        return;
      case 'unpause':
        await schedules.unpause(id, 'by dria-temporal');
        io.stderr.write(`${id} starts runs again, the next ${moment((await schedules.describe(id))?.next[0])}\n`);
        return;
      case 'delete':
        await schedules.delete(id);
        io.stderr.write(`${id} is removed; its runs stay\n`);
    }
  });
}

async function findSchedule(id: string, { batches }: Session): Promise<BatchScheduleDescription> {
  const schedule = await batches.schedules.describe(id);
  if (schedule !== undefined) return schedule;
  throw new UserError(`there is no schedule of runs ${id}`, {
    exitCode: 2,
    hint: 'See `dria-temporal schedule list`.',
  });
}

function scheduleView({ id, cron, input, taskQueue, started, skipped, ...schedule }: BatchScheduleDescription): string {
  const { timeZone = 'UTC', output = 'the run directory' } = input ?? {};
  const lines = [
    ['State', stateOf({ id, ...schedule })],
    ['Times', `${cron.join(', ')} (${timeZone})`],
    ['Input', input === undefined ? 'cannot be read here' : namesOf(input.input).join(', ')],
    ['Output', output],
    ['Queue', taskQueue],
    ['Next', schedule.next.slice(0, 3).map(moment).join(', ') || '-'],
    ['Runs', `${started} started, ${skipped} skipped since another was unfinished`],
    ['Running', schedule.running.join(', ') || '-'],
    ['Newest', schedule.recent.slice(-3).join(', ') || '-'],
  ] as const;
  return `${[clean(id), ...lines.map(([name, value]) => `  ${name.padEnd(9)} ${clean(value)}`)].join('\n')}\n`;
}

function stateOf({ paused, note }: BatchSchedule): string {
  if (!paused) return 'active';
  return note === undefined ? 'paused' : `paused ${note}`;
}

function moment(time: Date | undefined): string {
  return time === undefined ? '-' : formatMoment(time.getTime());
}

function refuseEmbedded(flags: TemporalFlags, io: Io): void {
  if (temporalSettings(flags, io.env).kind === 'cluster') return;
  throw new UserError('a schedule needs a Temporal server that is always up, and workers', {
    exitCode: 2,
    hint: 'Give --address: the embedded server ends with the last command, and nothing would start at night.',
  });
}

/** A place that workers know: an absolute path, or a key under the storage root. */
function placeOf(flag: string, text: string, root: string): string {
  checkPlaceholders(flag, text);
  if (text === '' || text === '-') return refuse(flag, text, 'a schedule has no standard input: give a path or a key');
  const place = text.startsWith(`${root}/`) ? text.slice(root.length + 1) : text;
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) return refuse(flag, text, `workers read only what is under ${root}`);
  if (!isAbsolute(place) && posix.normalize(place).startsWith('..')) {
    return refuse(flag, text, `it leaves the storage ${root}: give an absolute path`);
  }
  return place;
}

/** An input may be in any bucket that the workers can read, and a pattern. */
function inputOf(text: string, root: string): string {
  checkPlaceholders('--input', text);
  return isS3Root(text) && !text.startsWith(`${root}/`) ? text : placeOf('--input', text, root);
}

function outputOf(text: string, root: string): string {
  if (/[*?]/.test(text)) return refuse('--output', text, 'give one file: patterns are not taken');
  const output = placeOf('--output', text, root);
  return isPlaceForResults(output) ? output : refuse('--output', text, 'it names a folder, or one that runs use');
}

function checkPlaceholders(flag: string, text: string): void {
  const [unknown] = unknownPlaceholders(text);
  if (unknown === undefined) return;
  const known = PLACEHOLDERS.map((name) => `{{${name}}}`).join(' and ');
  refuse(flag, text, `nothing fills {{${unknown}}}; there are ${known}`);
}

function refuse(flag: string, text: string, why: string): never {
  throw new UserError(`${flag} ${text}: ${why}`, { exitCode: 2 });
}

function checkTimeZone(timeZone: string | undefined): void {
  try {
    fillPlaceholders('', 0, timeZone);
  } catch (error) {
    throw new UserError(`--time-zone: there is no ${timeZone}`, {
      exitCode: 2,
      hint: 'As Europe/Berlin.',
      cause: error,
    });
  }
}

/** What the server has against a schedule. */
function refused(id: string, error: unknown): never {
  if (isNamed(error, 'ScheduleAlreadyRunning')) {
    throw new UserError(`there is a schedule ${id} already`, {
      exitCode: 2,
      hint: `To make it anew: dria-temporal schedule delete ${shellWord(id)}`,
      cause: error,
    });
  }
  // So the SDK has the server's words about times.
  if (!(error instanceof TypeError)) throw error;
  throw new UserError(`--cron: ${error.message}`, { exitCode: 2, cause: error });
}
