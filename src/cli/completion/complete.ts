import type { Command } from 'commander';
import type { Io } from '../io.js';
import { clean } from '../terminal/text.js';
import { type Candidate, wantedAt } from './wanted.js';

/**
 * Prints what the last word may become, for the scripts of the shells: a line `words`, `files` or `folders`, then for
 * words a line each with a tab before the description. Says nothing of errors: there is no room for them at a prompt.
 */
export async function complete(program: Command, words: readonly string[], io: Io): Promise<void> {
  try {
    const current = words.at(-1) ?? '';
    const wanted = wantedAt(program, words.slice(0, -1), current);
    if (wanted.kind === 'runs') {
      const { runIds } = await import('./run-ids.js');
      print(matching(await runIds(wanted.flags, io.env), current), io);
    }
    if (wanted.kind === 'words') print(wanted.candidates, io);
    if (wanted.kind !== 'runs' && wanted.kind !== 'words') io.stdout.write(`${wanted.kind}\n`);
  } catch {
    // No candidates.
  }
}

function matching(candidates: readonly Candidate[], current: string): Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(current));
}

function print(candidates: readonly Candidate[], io: Io): void {
  // A value that is not itself when cleaned would be another one on the line.
  const lines = candidates
    .filter(({ value }) => clean(value) === value)
    .map(({ value, description }) => (description === '' ? value : `${value}\t${clean(description)}`));
  io.stdout.write(`${['words', ...lines].join('\n')}\n`);
}
