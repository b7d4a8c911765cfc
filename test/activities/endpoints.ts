import { ActivityCancellationDetails } from '@temporalio/common';
import type { MockActivityEnvironment } from '@temporalio/testing';
import { onTestFinished } from 'vitest';
import { completion, type Script, ScriptedServer } from '../dria/scripted-server.js';
import { ActivityWorld, type ActivityWorldOptions, type AttemptOptions } from '../support/activity-env.js';
import { until } from '../support/until.js';

/** A body with a server's words. */
export function errorBody(message: string, more: object = {}): string {
  return JSON.stringify({ error: { message, ...more } });
}

/** Answers every request. */
export const answers: Script = (response) => response.writeHead(200).end(completion('Yes.'));

/** The prompt of a request's body. */
export function promptOf(body: string): string {
  const { content } = JSON.parse(body).messages[0];
  return typeof content === 'string' ? content : content[0].text;
}

/** A storage folder whose items have these prompts, and a server that does what the script says. */
export async function scripted(
  prompts: readonly (string | object)[],
  script: Script,
  more: Partial<ActivityWorldOptions> & { readonly options?: object } = {},
) {
  const server = await new ScriptedServer(script).listen();
  onTestFinished(() => server.close());
  const { options = {}, ...rest } = more;
  const world = await ActivityWorld.open({ baseUrl: server.baseUrl, ...rest });
  await world.prepare(prompts, { options });
  const asked = (): string[] => server.received.map(({ body }) => promptOf(body));
  return { world, server, asked };
}

/** A script by prompts: how often each has been asked comes with it, 1 for the first time. */
export function byPrompt(script: (prompt: string, time: number) => Answer): Script {
  const times = new Map<string, number>();
  return (response, { body }) => {
    const prompt = promptOf(body);
    const time = (times.get(prompt) ?? 0) + 1;
    times.set(prompt, time);
    reply(response, script(prompt, time));
  };
}

/** What the endpoint answers: well, with a status, or as given. */
export type Answer =
  | 'ok'
  | number
  | { readonly status: number; readonly body: string; readonly headers?: Readonly<Record<string, string>> };

function reply(response: Parameters<Script>[0], answer: Answer): void {
  if (answer === 'ok') response.writeHead(200).end(completion('Yes.'));
  else if (typeof answer === 'number') response.writeHead(answer).end(errorBody('no'));
  else response.writeHead(answer.status, answer.headers).end(answer.body);
}

/** Items `p0`, `p1` and so on, and an endpoint that answers each when the test says so. */
export class Held {
  private readonly open = new Map<string, (answer: Answer) => void>();
  readonly asked: string[] = [];

  private constructor(readonly world: ActivityWorld) {}

  static async open(items: number, more: Partial<ActivityWorldOptions> = {}): Promise<Held> {
    const prompts = Array.from({ length: items }, (_, item) => `p${item}`);
    let held: Held | undefined;
    const script: Script = (response, { body }) => held?.hold(promptOf(body), (answer) => reply(response, answer));
    const { world } = await scripted(prompts, script, more);
    held = new Held(world);
    return held;
  }

  private hold(prompt: string, answer: (answer: Answer) => void): void {
    this.asked.push(prompt);
    this.open.set(prompt, answer);
  }

  /** Waits until these prompts, and no others, are under way. */
  async underWay(...prompts: string[]): Promise<void> {
    await until(`${prompts} are under way`, () => [...this.open.keys()].sort().join() === [...prompts].sort().join());
  }

  /** Answers a prompt. */
  reply(prompt: string, answer: Answer = 'ok'): void {
    this.open.get(prompt)?.(answer);
    this.open.delete(prompt);
  }

  /** Answers whatever comes until the packs have ended. */
  async replyToAll(packs: Promise<unknown>): Promise<void> {
    let ended = false;
    packs
      .catch(() => undefined)
      .finally(() => {
        ended = true;
      });
    await until('the packs have ended', () => {
      for (const prompt of this.open.keys()) this.reply(prompt);
      return ended;
    });
  }
}

/** Attempt options whose environment can be told what a server or a worker tells an activity. */
export function controlled(): {
  readonly options: AttemptOptions;
  readonly cancel: () => void;
  readonly pause: () => void;
  /** The worker's grace is over. */
  readonly shutDown: () => void;
} {
  let environment: MockActivityEnvironment | undefined;
  const onStart = (started: MockActivityEnvironment): void => {
    environment = started;
  };
  return {
    options: { onStart },
    cancel: () => environment?.cancel(),
    pause: () => environment?.cancel('PAUSED', new ActivityCancellationDetails({ paused: true })),
    shutDown: () => environment?.cancel('WORKER_SHUTDOWN', new ActivityCancellationDetails({ workerShutdown: true })),
  };
}

/** True once a promise is settled. */
export function settledFlag(promise: Promise<unknown>): () => boolean {
  let settled = false;
  promise
    .catch(() => undefined)
    .finally(() => {
      settled = true;
    });
  return () => settled;
}
