import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { RowName } from '../options.js';
import type { Task } from './prompt.js';

const LOOP = fileURLToPath(new URL('raw-loop.js', import.meta.url));
const FAN_OUT = fileURLToPath(new URL('fan-out.js', import.meta.url));
/** The command as it was built. */
export const CLI = fileURLToPath(new URL('../../../../dist/cli/main.js', import.meta.url));

/** The command of a row: what Node is given, and what is added to the environment. */
interface RowCommand {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** How a row is run. Ours is the command that a user gives, with a data directory that nobody has used. */
function rowCommand(row: RowName, task: Task, cli = CLI, more: readonly string[] = []): RowCommand {
  if (row === 'loop') return { args: [LOOP, JSON.stringify(task)], env: {} };
  if (row === 'fanout') return { args: [FAN_OUT, JSON.stringify(task)], env: {} };
  const { input, output, lanes, dataDir, url } = task;
  return {
    args: [cli, 'batch', input, '-o', output, '-c', String(lanes), '--data-dir', dataDir, ...more],
    env: { DRIA_API_KEY: 'bench', DRIA_BASE_URL: url },
  };
}

/** Starts a row, ours perhaps with `more` arguments, with the file `<output>.log` for all that it says, as in a script: no terminal to draw on. */
export function startRow(row: RowName, task: Task, cli?: string, more?: readonly string[]): ChildProcess {
  const { args, env } = rowCommand(row, task, cli, more);
  const log = openSync(`${task.output}.log`, 'w');
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

/** Makes the fan-out's workflow bundle, so that it is not counted: ours is made when the package is built. */
export async function bundleFanOut(): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('fan-out-workflow.js', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(new URL('fan-out-bundle.js', import.meta.url), code);
}
