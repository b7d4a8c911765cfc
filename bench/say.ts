import { cpus } from 'node:os';

/** The machine in a line, for below a table. */
export function machine(): string {
  const all = cpus();
  return `${all.length} × ${all[0]?.model.trim() ?? 'unknown CPU'}, Node ${process.version}, ${process.platform}`;
}

/** Says how a benchmark goes, apart from its figures. */
export function progress(message: string): void {
  process.stderr.write(`${message}\n`);
}
