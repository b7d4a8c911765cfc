import { onTestFinished } from 'vitest';
import type { SimulatorOptions } from '../../src/simulator/options.js';
import type { Simulator } from '../../src/simulator/server.js';
import { startSimulator } from '../../src/simulator/server.js';

/** A 1 × 1 PNG. */
export const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
/** A WAV of no length. */
export const WAV = Buffer.from(
  '524946462400000057415645666d74201000000001000100401f0000803e0000020010006461746100000000',
  'hex',
).toString('base64');

/** A simulated network that is closed with the test. */
export async function simulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const started = await startSimulator(options);
  onTestFinished(() => started.close());
  return started;
}

export interface Ask {
  readonly model?: string;
  readonly key?: string | undefined;
  readonly signal?: AbortSignal;
  /** More headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** More fields of the body. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Sends a prompt, or the parts of a message. */
export function ask({ url }: Simulator, content: string | readonly object[], options: Ask = {}): Promise<Response> {
  const { model = 'qwen3.5:9b', key = 'test-key', headers, signal, body } = options;
  return fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content }], ...body }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Calls a path under `/_sim` and returns its JSON. */
export async function sim({ url }: Simulator, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${url}/_sim/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return response.json();
}

/** Statuses of a number of prompts, asked one after another. */
export async function statuses(network: Simulator, prompts: readonly string[], options: Ask = {}): Promise<number[]> {
  const found: number[] = [];
  for (const prompt of prompts) {
    const response = await ask(network, prompt, options);
    await response.text();
    found.push(response.status);
  }
  return found;
}

/** `prompt 1` … `prompt n`. */
export function prompts(n: number): string[] {
  return Array.from({ length: n }, (_, index) => `prompt ${index + 1}`);
}

/** The text of an answer. */
export async function textOf(response: Response): Promise<unknown> {
  const body: unknown = await response.json();
  return dig(body, 'choices', 0, 'message', 'content');
}

/** A value inside parsed JSON. */
export function dig(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (found, key) => (typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined),
    value,
  );
}
