import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const resultSchema = z.object({ id: z.number(), output: z.string().min(1) });

/** Throws unless a results file has the answer of every item exactly once, in order. */
export async function checkResults(file: string, items: number): Promise<void> {
  let next = 0;
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { id } = resultSchema.parse(JSON.parse(line));
    if (id !== next) throw new Error(`line ${next + 1} has the answer of item ${id}`);
    next++;
  }
  if (next !== items) throw new Error(`${next} lines for ${items} prompts`);
}
