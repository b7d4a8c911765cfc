import { appendFileSync, writeFileSync } from 'node:fs';

/** The prompts of a benchmark: short, and all different, since an answer's time follows from its prompt. */
export function benchPrompts(items: number): string[] {
  return Array.from({ length: items }, (_, item) => promptOf(item));
}

/** Returns the prompt of an item. */
export function promptOf(item: number): string {
  return `Summarise review ${item} in one sentence, and say if it is kind.`;
}

/** Prompts that are in memory at once while a large input is written. */
const SLICE = 10_000;

/** Writes the prompts of a benchmark as an input file of any size; `textOf` returns the prompt of an item. */
export function writeManyPrompts(file: string, items: number, textOf: (item: number) => string = promptOf): void {
  writeFileSync(file, '');
  for (let first = 0; first < items; first += SLICE) {
    const lines = Array.from({ length: Math.min(SLICE, items - first) }, (_, at) =>
      JSON.stringify({ id: first + at, prompt: textOf(first + at) }),
    );
    appendFileSync(file, `${lines.join('\n')}\n`);
  }
}

/** Writes prompts as the input file that all rows read. */
export function writePrompts(file: string, prompts: readonly string[]): void {
  writeFileSync(file, prompts.map((prompt, item) => `${JSON.stringify({ id: item, prompt })}\n`).join(''));
}
