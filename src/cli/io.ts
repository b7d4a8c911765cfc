import type { Readable, Writable } from 'node:stream';

/** A terminal or a pipe that output goes to. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What a command may touch of the process around it. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted at the first Ctrl-C or SIGTERM, or when the terminal closes: the command ends in good order. */
  readonly interrupt: AbortSignal;
}

/** Exit codes: a contract with scripts. `PAUSED` is a paused run with nobody at a terminal to ask. */
export const EXIT = { OK: 0, FAILED: 1, USAGE: 2, SOME_FAILED: 3, PAUSED: 4, DETACHED: 130 } as const;
