import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import type { Binary } from './binary/binary.js';

// Read by hand and not with zod: loading zod takes about 90 ms, and the keeper's start is what a command waits for.

/** Where a keeper listens. The file is mode 0600: whoever can read the token may use the server anyway. */
export interface KeeperState {
  /** Version of the messages between keeper and members. */
  readonly protocol: number;
  readonly pid: number;
  /** Loopback port. */
  readonly port: number;
  readonly token: string;
}

/** What is known of the last server on this database. */
export interface ServerState {
  readonly port: number;
  /** Port of the gate before the Web UI: a link to it stays good. */
  readonly uiPort: number;
  /** The program that ran it; spares asking it for its version again. */
  readonly binary: Binary;
  /** Newest server version that has used this database, `1.32.0`. */
  readonly databaseVersion: string;
  /** Whether the default namespace's retention has been raised; done once, so that an operator may change it. */
  readonly retentionRaised: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Parses a JSON object; undefined when the text is anything else. */
export function parseFields(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return toFields(value);
  } catch {
    return undefined;
  }
}

/** Reads `keeper.json`; undefined when it is absent or not what we write. */
export function readKeeperState(path: string): KeeperState | undefined {
  const fields = readFields(path);
  if (!fields) return undefined;
  const { protocol, pid, port, token } = fields;
  if (typeof protocol !== 'number' || typeof pid !== 'number') return undefined;
  if (typeof port !== 'number' || typeof token !== 'string') return undefined;
  return { protocol, pid, port, token };
}

/** Reads `server.json`; undefined when it is absent or not what we write. */
export function readServerState(path: string): ServerState | undefined {
  const fields = readFields(path);
  const binary = toBinary(fields?.binary);
  if (!fields || !binary) return undefined;
  const { port, uiPort, databaseVersion, retentionRaised } = fields;
  if (typeof port !== 'number' || typeof uiPort !== 'number') return undefined;
  if (typeof databaseVersion !== 'string') return undefined;
  return { port, uiPort, binary, databaseVersion, retentionRaised: retentionRaised === true };
}

/** A {@link Binary} out of JSON, or undefined. */
export function toBinary(value: unknown): Binary | undefined {
  const fields = toFields(value);
  if (!fields) return undefined;
  const { path, serverVersion, size, modifiedMs } = fields;
  if (typeof path !== 'string' || typeof serverVersion !== 'string') return undefined;
  if (typeof size !== 'number' || typeof modifiedMs !== 'number') return undefined;
  return { path, serverVersion, size, modifiedMs };
}

/** Writes a state file whole or not at all, readable by its owner only. */
export function writeState(path: string, state: KeeperState | ServerState): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

function readFields(path: string): Fields | undefined {
  try {
    return parseFields(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function toFields(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}
