import type { z } from 'zod';
import { UserError } from './errors.js';

/** Parses flags. Throws a `UserError` that names each flag whose value is wrong. */
export function parseFlags<T>(schema: z.ZodType<T>, flags: unknown): T {
  const parsed = schema.safeParse(flags);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => {
    const flag = String(path[0]).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `--${flag}: ${message}`;
  });
  throw new UserError(problems.join('\n'), { exitCode: 2 });
}
