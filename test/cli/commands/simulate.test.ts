import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { simulateCommand } from '../../../src/cli/commands/simulate.js';
import { parseFault, parseLatency, parseModel, parseSlow } from '../../../src/cli/commands/simulate-flags.js';
import { QUIRKS } from '../../../src/simulator/quirks/catalog.js';

const BUILT = new URL('../../../dist/cli/commands/simulate.js', import.meta.url).href;
const MAIN = `
  const { simulateCommand } = await import(${JSON.stringify(BUILT)});
  await simulateCommand().parseAsync(process.argv.slice(1), { from: 'user' });
`;

/** The built command as a process of its own, which ends with the test. */
function simulate(...args: readonly string[]) {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', MAIN, '--', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function address({ stdout }: ReturnType<typeof simulate>): Promise<{ url: string; port: number }> {
  for await (const line of createInterface({ input: stdout })) {
    return z.object({ url: z.string(), port: z.number() }).parse(JSON.parse(line));
  }
  throw new Error('the command printed no address; is it built?');
}

async function ended(child: ChildProcess): Promise<unknown> {
  const [code]: unknown[] = await once(child, 'exit');
  return code;
}

describe('the command as a process', () => {
  test('says its address when it is ready, answers, and ends well on SIGTERM', async () => {
    const child = simulate('--json', '--latency', '0', '--model', 'tiny:1b=3', '--key', 'k1');
    const { url, port } = await address(child);
    expect(url).toBe(`http://127.0.0.1:${port}/v1`);
    const response = await fetch(`${url}/models`, { headers: { authorization: 'Bearer k1' } });
    expect(await response.json()).toMatchObject({ data: [{ id: 'tiny:1b', nodes: 3 }] });
    child.kill('SIGTERM');
    expect(await ended(child)).toBe(0);
  });

  test('takes everything from a script, and flags before it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simulate-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const script = join(folder, 'script.json');
    const models = [{ id: 'of-script', nodes: 1 }];
    await writeFile(script, JSON.stringify({ anonymous: true, models, nodesField: 'of_script', credits: 5 }));
    const { url } = await address(simulate('--json', '--script', script, '--credits', '7'));
    expect(await (await fetch(`${url}/models`)).json()).toMatchObject({ data: [{ id: 'of-script', of_script: 1 }] });
    expect(await (await fetch(`${url}/credits/balance`)).json()).toMatchObject({ balance: 7 });
  });

  test('takes quirks by flag', async () => {
    const { url } = await address(simulate('--json', '--quirk', 'quota=0,openai', '--quirk', 'bom'));
    const response = await fetch(`${url}/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer any' },
      body: JSON.stringify({ model: 'qwen3.5:9b', messages: [{ role: 'user', content: 'Hi' }] }),
    });
    expect([response.status, await response.json()]).toMatchObject([429, { error: { code: 'insufficient_quota' } }]);
  });

  test.each([
    [['--script', '/no/such/file'], 'cannot read the script /no/such/file'],
    [['--port', '70000'], 'port'],
    [['--latency', '9-1'], 'minMs must not be over maxMs'],
    [['--host', '203.0.113.1'], 'cannot listen'],
    [['--quirk', 'nonsense'], 'no such quirk: nonsense'],
  ])('refuses %j with the reason and exit code 2', async (args, reason) => {
    const child = simulate(...args);
    const [message, code] = await Promise.all([text(child.stderr), ended(child)]);
    expect(message).toContain(reason);
    expect(message).not.toContain('    at ');
    expect(code).toBe(2);
  });
});

test('the help has an example and all quirks, and fits 80 columns', () => {
  let help = '';
  const command = simulateCommand().configureOutput({ writeOut: (part) => (help += part) });
  command.outputHelp();
  expect(help).toContain('$ dria-temporal simulate');
  for (const { name } of QUIRKS) expect(help).toContain(`\n  ${name}`);
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
});

describe('flags', () => {
  test.each([
    ['500', { kind: 'fixed', ms: 500 }],
    ['300-1200', { kind: 'uniform', minMs: 300, maxMs: 1200 }],
    ['lognormal:800,0.5', { kind: 'lognormal', medianMs: 800, sigma: 0.5 }],
  ])('--latency %s', (given, latency) => {
    expect(parseLatency(given)).toEqual(latency);
  });

  test('--model, --fault and --slow split at the last separator', () => {
    expect(parseModel('qwen3.5:9b=16')).toEqual({ id: 'qwen3.5:9b', nodes: 16 });
    expect(parseFault('503:0.01')).toEqual({ rate: 0.01, respond: { status: 503 } });
    expect(parseFault('reset:0.5')).toEqual({ rate: 0.5, respond: { kind: 'reset' } });
    expect(parseSlow('200:20000')).toEqual({ every: 200, ms: 20_000 });
  });

  test.each([
    [parseLatency, 'soon'],
    [parseModel, 'qwen3.5:9b'],
    [parseModel, '=3'],
    [parseFault, 'explode:0.1'],
    [parseFault, '200:0.1'],
    [parseFault, '503'],
    [parseSlow, '200'],
  ])('%o refuses %s', (parse, given) => {
    expect(() => parse(given)).toThrow(/Not a number|Expected/);
  });
});
