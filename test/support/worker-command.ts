import type { CliWorld, Command, CommandOptions } from './cli.js';

/** A worker as the command line runs it, started and polling. */
export async function startWorker(
  world: CliWorld,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Command> {
  const worker = world.start(['worker', ...args], options);
  await worker.said(/^Worker for /m);
  return worker;
}
