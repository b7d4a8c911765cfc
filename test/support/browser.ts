import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'undici';
import { z } from 'zod';
import { until } from './until.js';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** A Chromium on this machine; undefined when none is found. */
export const CHROMIUM = [process.env.CHROMIUM_PATH ?? '', ...PLACES].find((path) => path !== '' && existsSync(path));

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
];

const messageSchema = z.object({
  id: z.number().optional(),
  result: z.unknown().optional(),
  error: z.object({ message: z.string() }).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
});

const evaluatedSchema = z.object({
  result: z.object({ value: z.unknown().optional() }),
  exceptionDetails: z.unknown().optional(),
});

type Answer = { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void };

/** A browser of its own, driven over the DevTools protocol. */
export class Browser {
  private readonly waiting = new Map<number, Answer>();
  private readonly listeners: ((method: string, params: unknown) => void)[] = [];
  private calls = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly socket: WebSocket,
  ) {
    socket.addEventListener('message', ({ data }) => this.receive(String(data)));
  }

  static async start(program: string, flags: readonly string[] = []): Promise<Browser> {
    const folder = mkdtempSync(join(tmpdir(), 'dria-temporal-browser-'));
    // A group of its own: a browser is many processes, and they end together.
    const child = spawn(program, [...FLAGS, ...flags, `--user-data-dir=${folder}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    for await (const line of createInterface({ input: child.stderr })) {
      const [, url] = /DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (url === undefined) continue;
      child.stderr.resume();
      const socket = new WebSocket(url);
      await new Promise((resolve) => socket.addEventListener('open', resolve, { once: true }));
      return new Browser(child, folder, socket);
    }
    throw new Error(`${program} did not start`);
  }

  /** Opens an empty tab. */
  async tab(): Promise<Tab> {
    const { targetId } = z
      .object({ targetId: z.string() })
      .parse(await this.call('Target.createTarget', { url: 'about:blank' }));
    const attached = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const { sessionId } = z.object({ sessionId: z.string() }).parse(attached);
    const tab = new Tab((method, params) => this.call(method, params, sessionId));
    this.listeners.push((method, params) => tab.heard(method, params));
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await tab.call(`${domain}.enable`);
    return tab;
  }

  async close(): Promise<void> {
    this.socket.close();
    if (this.child.exitCode === null && this.child.pid !== undefined) {
      const ended = once(this.child, 'exit');
      process.kill(-this.child.pid, 'SIGKILL');
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }

  private call(method: string, params: object = {}, sessionId?: string): Promise<unknown> {
    const id = ++this.calls;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
  }

  private receive(data: string): void {
    const { id, result, error, method, params } = messageSchema.parse(JSON.parse(data));
    if (method !== undefined) for (const listener of this.listeners) listener(method, params);
    const answer = this.waiting.get(id ?? 0);
    this.waiting.delete(id ?? 0);
    if (error !== undefined) answer?.reject(new Error(error.message));
    else answer?.resolve(result);
  }
}

interface Key {
  readonly code: number;
  readonly text?: string;
}

/** What the browser's own reactions to a key go by. */
const KEYS: Readonly<Record<'Enter' | 'Escape' | 'End' | 'ArrowDown' | 'ArrowRight', Key>> = {
  Enter: { code: 13, text: '\r' },
  Escape: { code: 27 },
  End: { code: 35 },
  ArrowRight: { code: 39 },
  ArrowDown: { code: 40 },
};

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly scheme: 'light' | 'dark';
}

/** A tab, and what went wrong in it. */
export class Tab {
  /** Errors and warnings of scripts and of the browser. */
  readonly problems: string[] = [];
  /** Addresses that were asked for. */
  readonly requests: string[] = [];

  constructor(readonly call: (method: string, params?: object) => Promise<unknown>) {}

  heard(method: string, params: unknown): void {
    if (method === 'Network.requestWillBeSent') {
      this.requests.push(z.object({ request: z.object({ url: z.string() }) }).parse(params).request.url);
    }
    if (/^(Runtime\.exceptionThrown|Runtime\.consoleAPICalled|Log\.entryAdded)$/.test(method)) {
      this.problems.push(`${method}: ${JSON.stringify(params)}`);
    }
  }

  /** Goes to an address and waits until a condition, a JavaScript expression, holds there. */
  async open(url: string, condition: string): Promise<void> {
    await this.call('Page.navigate', { url });
    await this.holds(condition);
  }

  async look({ width, height, scheme }: Look): Promise<void> {
    const features = [{ name: 'prefers-color-scheme', value: scheme }];
    await this.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
    await this.call('Emulation.setEmulatedMedia', { features });
  }

  /** Presses a key. */
  async press(key: keyof typeof KEYS): Promise<void> {
    const { code, text } = KEYS[key];
    const event = { key, code: key, windowsVirtualKeyCode: code, ...(text === undefined ? {} : { text }) };
    for (const type of ['keyDown', 'keyUp']) await this.call('Input.dispatchKeyEvent', { type, ...event });
  }

  /** The value of a JavaScript expression; a promise is waited for. Fails when it throws. */
  async value(expression: string): Promise<unknown> {
    const answer = await this.call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = evaluatedSchema.parse(answer);
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until a JavaScript expression is true. */
  async holds(condition: string): Promise<void> {
    await until(condition, async () => (await this.value(`Boolean(${condition})`)) === true, 60_000);
  }
}
