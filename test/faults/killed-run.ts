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

/** A command on a busy machine may read an answer, and have it in its file, so much later than it was sent. */
const UNREAD_MS = 1_000;

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
    const pids = this.#pidsOf(victim);
    const from = Date.now();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    if (hitsCommand) await command.ended;
    this.kills.push({ victim, from, to: Date.now() });
    if (hitsCommand) this.#command = this.#give();
  }

  /** Waits for so many answers, then stops the victim for a while (SIGSTOP), as sleep does to a whole machine. */
  async stopAfter(answers: number, victim: Victim, ms: number): Promise<void> {
    await until(`${answers} answers, to stop ${victim}`, () => this.#hasAnswers(answers), 60_000);
    const pids = this.#pidsOf(victim);
    const from = Date.now();
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    await delay(ms);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    this.kills.push({ victim, from, to: Date.now() });
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

  #pidsOf(victim: Victim): number[] {
    const hitsCommand = victim === 'command' || victim === 'all';
    return [...(hitsCommand && this.#command.isRunning ? [this.#command.pid] : []), ...this.#servants(victim)];
  }

  #servants(victim: Victim): number[] {
    const keeper = victim === 'keeper' || victim === 'all' ? [this.world.keeper] : [];
    const servers = victim === 'server' || victim === 'all' ? this.world.servers : [];
    return [...keeper, ...servers].filter((pid) => pid !== undefined);
  }
}

/**
 * Returns the number of requests that each kill of a command has cost: those before it whose item was asked again after it.
 * The death of a server or keeper beside a command costs none.
 */
export function costOfKills(requests: readonly RecordedRequest[], kills: readonly Kill[]): number[] {
  const again = askedAgain(requests);
  const losses = lossesAmong(kills);
  return losses.map((kill, index) => {
    const before = losses[index - 1]?.to ?? 0;
    return again.filter(({ at }) => at > before && at <= kill.to).length;
  });
}

/** Returns requests that no kill excuses: their item was asked again although the answer had long been there. */
export function askedAgainWithoutReason(
  requests: readonly RecordedRequest[],
  kills: readonly Kill[],
): readonly RecordedRequest[] {
  const losses = lossesAmong(kills);
  return askedAgain(requests).filter((request) => !losses.some((kill) => isLostBy(kill, request)));
}

/** Returns all requests but the last of each item. */
function askedAgain(requests: readonly RecordedRequest[]): readonly RecordedRequest[] {
  const last = new Map(requests.map((request) => [request.prompt, request]));
  return requests.filter((request) => last.get(request.prompt) !== request);
}

/** Returns the kills that hit a command: only a command has requests in flight. */
function lossesAmong(kills: readonly Kill[]): readonly Kill[] {
  return kills.filter(({ victim }) => victim === 'command' || victim === 'all');
}

/** Whether the request was in flight at the kill, as far as the command could know. */
function isLostBy({ from, to }: Kill, { at, latencyMs = Number.POSITIVE_INFINITY }: RecordedRequest): boolean {
  return at <= to && at + latencyMs >= from - UNREAD_MS;
}
