import { writeFileSync } from 'node:fs';

/** The prompts of a benchmark: short, and all different, since an answer's time follows from its prompt. */
export function benchPrompts(items: number): string[] {
  return Array.from({ length: items }, (_, item) => `Summarise review ${item} in one sentence, and say if it is kind.`);
}

/** Writes prompts as the input file that all rows read. */
export function writePrompts(file: string, prompts: readonly string[]): void {
  writeFileSync(file, prompts.map((prompt, item) => `${JSON.stringify({ id: item, prompt })}\n`).join(''));
}
