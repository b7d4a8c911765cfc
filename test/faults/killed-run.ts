import { setTimeout as delay } from 'node:timers/promises';
import type { CliWorld, Command, Ended } from '../support/cli.js';
import type { RecordedRequest } from '../support/network-process.js';
import { until } from '../support/until.js';

/** What a kill hits. */
export const VICTIMS = ['command', 'server', 'keeper', 'all'] as const;
export type Victim = (typeof VICTIMS)[number];

/** A kill, between two moments, epoch ms. */
export interface Kill {
  readonly victim: Victim;
  readonly from: number;
  readonly to: number;
}

/** Answers younger than this may not be in storage yet: they are written once a second, and writing takes a moment. */
const UNWRITTEN_MS = 1_000 + 250;

/** A run whose processes are killed, and whose command is given again whenever it is gone. */
export class KilledRun {
  readonly kills: Kill[] = [];
  /** How often the command was given. */
  given = 0;
  #command: Command;

  constructor(
    private readonly world: CliWorld,
    private readonly args: readonly string[],
  ) {
    this.#command = this.#give();
  }

  /** Waits for so many answers and a little longer, then kills. */
  async killAfter(answers: number, extraMs: number, victim: Victim): Promise<void> {
    await until(`${answers} answers, to kill ${victim}`, () => this.#hasAnswers(answers), 60_000);
    await delay(extraMs);
    await this.kill(victim);
  }

  /** Kills at once with SIGKILL; the command is given again if it was hit. */
  async kill(victim: Victim): Promise<void> {
    if (victim !== 'command') await until('server and keeper are there', () => this.#servants(victim).length > 0);
    const command = this.#command;
    const hitsCommand = victim === 'command' || victim === 'all';
    const pids = [...(hitsCommand && command.isRunning ? [command.pid] : []), ...this.#servants(victim)];
    const from = Date.now();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    if (hitsCommand) await command.ended;
    this.kills.push({ victim, from, to: Date.now() });
    if (hitsCommand) this.#command = this.#give();
  }

  /** Lets the run come to its end. A command that could not go on without the server is given again. */
  async end(): Promise<Ended> {
    for (let tries = 0; ; tries += 1) {
      const ended = await this.#command.ended;
      if (ended.code === 0 || tries === this.kills.length) return ended;
      this.#command = this.#give();
    }
  }

  #give(): Command {
    this.given += 1;
    return this.world.start(this.args);
  }

  async #hasAnswers(count: number): Promise<boolean> {
    if (!this.#command.isRunning && (await this.#command.ended).code !== 0) this.#command = this.#give();
    return (await this.world.network.stats()).answered >= count;
  }

  #servants(victim: Victim): number[] {
    const keeper = victim === 'keeper' || victim === 'all' ? [this.world.keeper] : [];
    const servers = victim === 'server' || victim === 'all' ? this.world.servers : [];
    return [...keeper, ...servers].filter((pid) => pid !== undefined);
  }
}

/**
 * Requests that no kill excuses: their item was asked again although a command had the answer long enough to have it in
 * storage. Only a command holds answers: the death of a server or keeper beside it is no reason.
 */
export function askedAgainWithoutReason(
  requests: readonly RecordedRequest[],
  kills: readonly Kill[],
): readonly RecordedRequest[] {
  const last = new Map(requests.map((request) => [request.prompt, request]));
  const losses = kills.filter(({ victim }) => victim === 'command' || victim === 'all');
  return requests.filter(
    (request) => last.get(request.prompt) !== request && !losses.some((kill) => isLostBy(kill, request)),
  );
}

/** Whether the request was under way at the kill, or its answer too young to be in storage. */
function isLostBy({ from, to }: Kill, { at, latencyMs = Number.POSITIVE_INFINITY }: RecordedRequest): boolean {
  return at <= to && at + latencyMs >= from - UNWRITTEN_MS;
}
