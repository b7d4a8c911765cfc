import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerPorts } from './ports.js';

/** A process as it can be told from a later one that got the same pid. */
export interface ProcessRef {
  readonly pid: number;
  /** When the process started, in the platform's own words; `unknown` where it cannot be had. */
  readonly started: string;
}

/** This process. */
export function currentProcess(): ProcessRef {
  return { pid: process.pid, started: processStart(process.pid) ?? 'unknown' };
}

/** Whether that very process still runs. A zombie does not. */
export function isRunning(ref: ProcessRef): boolean {
  const started = processStart(ref.pid);
  return started !== undefined && (started === ref.started || ref.started === 'unknown');
}

/**
 * When a process started, or undefined when there is none or only a zombie: an orphan's zombie stays for ever in a
 * container whose first process does not reap, so it must not count.
 */
export function processStart(pid: number): string | undefined {
  return process.platform === 'linux' ? linuxStart(pid) : psStart(pid);
}

/** proc(5): the name in /proc/<pid>/stat may hold spaces and brackets; state is field 3, start time field 22. */
function linuxStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const started = fields[19];
    if (started === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
    // Start times count from boot, so the boot belongs to them.
    return `${bootId()}:${started}`;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function psStart(pid: number): string | undefined {
  const line = ps(['-o', 'stat=,lstart=', '-p', String(pid)]).trim();
  if (line === '' || line.startsWith('Z')) return undefined;
  return line.slice(line.indexOf(' ')).trim();
}

function ps(args: readonly string[]): string {
  try {
    return execFileSync('ps', args, {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch {
    // ps exits 1 when there is no such process.
    return '';
  }
}

/** A running Temporal dev server, found in the process table. */
export interface FoundServer extends ProcessRef, ServerPorts {}

/**
 * Every running dev server on this database file. The process table cannot be out of date, as a pid file could be
 * after a `kill -9` between a server's start and the writing of its pid.
 */
export function findServers(database: string): FoundServer[] {
  const commands = process.platform === 'linux' ? linuxCommands() : psCommands();
  return commands.flatMap(({ pid, command }) => {
    if (!command.includes(' server start-dev ') || !`${command} `.includes(` --db-filename ${database} `)) return [];
    const started = processStart(pid);
    const ports = portsIn(command);
    return started === undefined || ports === undefined ? [] : [{ pid, started, ...ports }];
  });
}

interface RunningCommand {
  readonly pid: number;
  readonly command: string;
}

function linuxCommands(): RunningCommand[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').join(' ').trimEnd();
      return command === '' ? [] : [{ pid: Number(name), command }];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

function psCommands(): RunningCommand[] {
  return ps(['-axww', '-o', 'pid=,command='])
    .split('\n')
    .flatMap((line) => {
      const match = /^\s*(\d+)\s+(.*)$/.exec(line);
      return match?.[1] && match[2] ? [{ pid: Number(match[1]), command: match[2] }] : [];
    });
}

function portsIn(command: string): ServerPorts | undefined {
  const after = (flag: string) => new RegExp(` ${flag} ([\\d.]+)( |$)`).exec(command)?.[1];
  const [port, host, uiPort] = [after('--port'), after('--ui-ip'), after('--ui-port')];
  if (port === undefined || host === undefined || uiPort === undefined) return undefined;
  return { port: Number(port), ui: { host, port: Number(uiPort) } };
}
