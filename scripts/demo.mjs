// `npm run demo`: the real command on the example prompts. Without DRIA_API_KEY a simulated network answers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = `${root}dist/cli/main.js`;
const results = '.demo/results.jsonl';
await mkdir(`${root}.demo`, { recursive: true });

const simulator = process.env.DRIA_API_KEY ? undefined : await startSimulator();
const env = { ...process.env, ...(simulator && { DRIA_BASE_URL: simulator.url, DRIA_API_KEY: 'simulated' }) };
const args = ['batch', 'examples/prompts.jsonl', '-o', results, '--data-dir', '.demo/data'];
console.log(`\n$ dria-temporal ${args.join(' ')}\n`);
// Each demo is a run of its own; a batch given twice would only fetch its results.
const batch = spawn(process.execPath, [cli, ...args, '--id', `demo-${Date.now()}`], {
  cwd: root,
  env,
  stdio: 'inherit',
});
// Ctrl-C goes to the command, which leaves in good order; this script waits for it.
process.on('SIGINT', () => undefined);
const [code] = await once(batch, 'exit');
simulator?.stop();
if (code === 0 || code === 3) await showResults();
process.exitCode = code ?? 1;

async function startSimulator() {
  const child = spawn(process.execPath, [cli, 'simulate', '--json', '--latency', '200-900'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Its own group: Ctrl-C must not end the network before the command that uses it.
    detached: true,
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  const { url } = JSON.parse(line);
  console.log(`Simulated network at ${url}; set DRIA_API_KEY for the real one.`);
  return { url, stop: () => child.kill() };
}

async function showResults() {
  const lines = (await readFile(`${root}${results}`, 'utf8')).split('\n');
  console.log(`\n$ head -3 ${results}`);
  console.log(lines.slice(0, 3).join('\n'));
}
