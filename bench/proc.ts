import { readdirSync, readFileSync } from 'node:fs';

/** Ticks a second in /proc, `USER_HZ`: 100 on every Linux that Node runs on (proc(5)). */
const TICKS_PER_SECOND = 100;

/** One process as /proc shows it. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  /** With the pid the identity of a process: pids come back. */
  readonly startTicks: number;
  /** Ended, but nobody has asked for its exit status yet. */
  readonly isZombie: boolean;
  /** User and system time, seconds. */
  readonly cpuSeconds: number;
  /** The same of the children that it has waited for, and of theirs. */
  readonly childrenCpuSeconds: number;
}

/** All processes now. Throws where there is no /proc: the benchmark measures on Linux only. */
export function listProcesses(): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readProcess(Number(name)) ?? []);
}

/** One process; undefined when it has gone. */
export function readProcess(pid: number): ProcessFacts | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name may hold spaces and brackets: the fields that count come after the last bracket, state first (field 3).
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return {
    pid,
    parent: field(4),
    startTicks: field(22),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    cpuSeconds: (field(14) + field(15)) / TICKS_PER_SECOND,
    childrenCpuSeconds: (field(16) + field(17)) / TICKS_PER_SECOND,
  };
}

/** Memory of one process, bytes: resident now, and the most that it was. 0 when it has gone. */
export function readMemory(pid: number): { readonly resident: number; readonly peak: number } {
  const text = readProcFile(`/proc/${pid}/status`) ?? '';
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024;
  return { resident: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/** CPU time that the whole machine has been busy since it started, seconds. */
export function machineBusySeconds(): number {
  const [, user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8').split(/\s+/).map(Number);
  const ticks = [user, nice, system, irq, softirq].reduce<number>((sum, value) => sum + (value ?? 0), 0);
  return ticks / TICKS_PER_SECOND;
}

function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
