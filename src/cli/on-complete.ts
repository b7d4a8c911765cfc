import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunEvent } from '../batch/run-event.js';
import type { RunSummary } from '../batch/summary.js';
import type { Io } from './io.js';
import type { Reporter } from './terminal/reporter.js';

/** Maximum time to read the output of processes that a command has left running (ms). */
const DRAIN_MS = 1_000;

/** What `--on-complete` is run for. */
export interface Occasion {
  readonly event: RunEvent;
  /** Present if the run has ended and its summary is known. */
  readonly summary?: RunSummary | undefined;
  /** Where the results were asked to go; absent for standard output. */
  readonly output?: string | undefined;
}

/**
 * Runs a person's command by the shell at an end or a pause of a run: facts are in its environment, the event is on its
 * standard input, its output goes to the display. What becomes of it is shown, and changes nothing else. Ctrl-C ends it.
 */
export async function runOnComplete(
  command: string | undefined,
  occasion: Occasion,
  reporter: Reporter,
  { env, interrupt }: Pick<Io, 'env' | 'interrupt'>,
): Promise<void> {
  if (command === undefined || interrupt.aborted) return;
  const failed = await ended(command, occasion, reporter, { env, interrupt });
  if (failed !== undefined) reporter.warn(`--on-complete ${failed}; the run is as it was`);
}

/** Runs the command to its end. Returns how it failed, in words; undefined if it did not. */
async function ended(
  command: string,
  occasion: Occasion,
  reporter: Reporter,
  { env, interrupt }: Pick<Io, 'env' | 'interrupt'>,
): Promise<string | undefined> {
  try {
    const child = spawn(command, {
      shell: true,
      stdio: 'pipe',
      env: { ...env, ...variablesOf(occasion) },
      signal: interrupt,
    });
    // A command that reads nothing of it may end before it is written.
    child.stdin.on('error', () => undefined).end(`${JSON.stringify(inputOf(occasion))}\n`);
    const shown = Promise.all([show(child.stdout, reporter), show(child.stderr, reporter)]);
    const [code, signal]: unknown[] = await once(child, 'exit');
    // What it has started and left behind may keep its output open for ever.
    await Promise.race([shown, delay(DRAIN_MS)]);
    child.stdout.destroy();
    child.stderr.destroy();
    if (code === 0) return undefined;
    return code === null ? `was ended by ${String(signal)}` : `ended with exit code ${String(code)}`;
  } catch (error) {
    return interrupt.aborted
      ? 'was stopped'
      : `could not be run: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Line by line: standard output may be that of the results, and the display redraws what is below. */
async function show(stream: Readable, reporter: Reporter): Promise<void> {
  try {
    for await (const line of createInterface({ input: stream })) reporter.note(line);
  } catch {
    // It was closed while something else still wrote to it.
  }
}

function inputOf({ event, summary }: Occasion): object {
  return summary === undefined ? event : { ...event, summary };
}

function variablesOf({ event, output }: Occasion): Record<string, string> {
  const { runId, state, outcome, reason, pausedBy, items, ok, failed, skipped, cancelled, tokens } = event.data;
  const facts = { id: runId, state, outcome, reason, pausedBy, items, ok, failed, skipped, cancelled, tokens };
  const path = output === undefined ? undefined : resolve(output);
  return Object.fromEntries(
    Object.entries({ ...facts, output: path }).map(([name, value]) => [
      `DRIA_TEMPORAL_RUN_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
      // No variable can hold a zero byte, which a reason might.
      String(value ?? '').replaceAll('\0', ''),
    ]),
  );
}
