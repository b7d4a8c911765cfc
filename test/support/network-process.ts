import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { until } from './until.js';

const recordSchema = z.object({
  /** When it came, epoch ms. */
  at: z.number(),
  model: z.string().optional(),
  promptHash: z.string().optional(),
  /** The first 80 characters. */
  prompt: z.string().default(''),
  /** The first 80 characters of the system message. */
  system: z.string().optional(),
  attachment: z.object({ kind: z.string(), sha256: z.string().optional() }).optional(),
  maxTokens: z.number().optional(),
  temperature: z.number().optional(),
  /** Inputs of a request for embeddings. */
  inputs: z.number().optional(),
  /** Path, unless it is that of chats. */
  path: z.string().optional(),
  timeoutSecs: z.number().optional(),
  /** Names of the fields in its body. */
  fields: z.array(z.string()).default([]),
  /** Type of its `response_format`. */
  format: z.string().optional(),
  /** Quirks that refused it or changed its answer. */
  quirks: z.array(z.string()).default([]),
  /** Absent while it is being answered. */
  status: z.union([z.number(), z.string()]).optional(),
  answered: z.boolean().default(false),
  /** When it ended, epoch ms. */
  endedAt: z.number().optional(),
  /** From arrival to the end, ms. */
  latencyMs: z.number().optional(),
});

/** A request as the network has it in its books. */
export type RecordedRequest = z.output<typeof recordSchema>;

const statsSchema = z.object({
  requests: z.number(),
  answered: z.number(),
  inFlight: z.number(),
  maxInFlight: z.number(),
});

/** A simulated network in a process of its own. */
export class NetworkProcess {
  private constructor(
    private readonly child: ChildProcess,
    /** As in `DRIA_BASE_URL`. */
    readonly url: string,
    readonly port: number,
  ) {}

  /** Starts `simulate` with these options, as a script. */
  static async start(main: string, options: object): Promise<NetworkProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-network-'));
    const script = join(folder, 'script.json');
    writeFileSync(script, JSON.stringify({ latency: { kind: 'fixed', ms: 20 }, ...options }));
    const child = spawn(process.execPath, [main, 'simulate', '--json', '--script', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        const { url, port } = z.object({ url: z.string(), port: z.number() }).parse(JSON.parse(line));
        return new NetworkProcess(child, url, port);
      }
      throw new Error('the simulated network did not start');
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async stats(): Promise<z.output<typeof statsSchema>> {
    return statsSchema.parse(await this.#json('GET', 'stats'));
  }

  /** Every request since the start or the last reset. */
  async requests(): Promise<RecordedRequest[]> {
    const text = await this.#text('GET', 'requests');
    const lines = text.split('\n').filter((line) => line !== '');
    return lines.map((line) => recordSchema.parse(JSON.parse(line)));
  }

  /** Begins a new record. */
  async reset(): Promise<void> {
    await this.#json('POST', 'reset');
  }

  /** Sets more scripted responses. */
  async script(...rules: readonly object[]): Promise<void> {
    await this.#json('POST', 'rules', rules);
  }

  /**
   * Makes the answers, or those to such prompts, take a second longer: what is done to a run meanwhile comes long before its end,
   * also where a command needs seconds to start.
   */
  async slowDown(promptIncludes = ''): Promise<void> {
    await this.script({ match: { promptIncludes }, respond: { kind: 'answer', delayMs: 1_000 } });
  }

  /** Takes all scripted responses back. */
  async clearRules(): Promise<void> {
    await this.#json('DELETE', 'rules');
  }

  /** Sets quirks as `name[@model][=value]`, anew if they are set already. */
  async setQuirks(...quirks: readonly string[]): Promise<void> {
    await this.#json('POST', 'quirks', quirks);
  }

  /** Takes back the quirks of a name or a `name@model`, or all. */
  async removeQuirks(name?: string): Promise<void> {
    await this.#json('DELETE', name === undefined ? 'quirks' : `quirks?name=${encodeURIComponent(name)}`);
  }

  /** Adds credits, and answers to a quota. */
  async addCredits(add: number): Promise<void> {
    await this.#json('POST', 'credits', { add });
  }

  /** Waits until so many requests are answered. */
  async answered(count: number): Promise<void> {
    await until(`${count} answers`, async () => (await this.stats()).answered >= count);
  }

  /** Every request whose prompt begins so: those of one run, beside others. */
  async requestsOf(promptStart: string): Promise<RecordedRequest[]> {
    return (await this.requests()).filter(({ prompt }) => prompt.startsWith(promptStart));
  }

  async close(): Promise<void> {
    const ended = once(this.child, 'exit');
    if (this.child.exitCode === null && this.child.kill('SIGKILL')) await ended;
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    return JSON.parse(await this.#text(method, path, body));
  }

  async #text(method: string, path: string, body?: unknown): Promise<string> {
    const response = await fetch(`${this.url}/_sim/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  }
}

/** How often each prompt was asked. */
export function timesAsked(requests: readonly RecordedRequest[]): Map<string, number> {
  const times = new Map<string, number>();
  for (const { prompt } of requests) times.set(prompt, (times.get(prompt) ?? 0) + 1);
  return times;
}
