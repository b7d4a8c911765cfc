import { createWriteStream, readFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import pLimit from 'p-limit';
import { asker } from './ask.js';
import { parsePrompts, taskSchema } from './prompt.js';

// The raw loop: undici and p-limit, each answer written as it comes. Nothing survives its process; it is the limit of
// what can be had with one.

const task = taskSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const ask = asker(task.url, task.model);
const limit = pLimit(task.lanes);
const output = createWriteStream(task.output);
const prompts = parsePrompts(readFileSync(task.input, 'utf8'));
await Promise.all(
  prompts.map((prompt) =>
    limit(async () => {
      output.write(`${JSON.stringify(await ask(prompt))}\n`);
    }),
  ),
);
output.end();
await finished(output);
process.exit();
