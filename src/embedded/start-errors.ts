import { diskFull, isDiskFull, type ServerPaths } from './data-dir.js';
import { EmbeddedServerError } from './errors.js';

/** SQLite's and the system's words in the server's log, and what they mean for a person. */
const READ_ONLY = /readonly database|permission denied|unable to open database file|read-only file system/i;
const DISK_FULL = /database or disk is full|no space left on device/i;
const LOCKED = /database is locked/i;
const NOT_A_DATABASE = /file is not a database|database disk image is malformed/i;
const PORT_TAKEN = /address already in use/i;
/** SQLITE_ERROR for a missing column or table, and the server's own check of its schema. */
const OTHER_SCHEMA = /no such (column|table)|has no column|schema version|version mismatch/i;

/** Whether a server ended because somebody took its port between the choice and the start. */
export function isPortTaken(log: string): boolean {
  return PORT_TAKEN.test(log);
}

/**
 * The error for a server that did not come up.
 *
 * @param how what happened, as the end of a sentence: `ended at once`, `did not answer within 15 s`
 * @param log what it logged meanwhile
 */
export function explainFailedStart(paths: ServerPaths, how: string, log: string): EmbeddedServerError {
  if (DISK_FULL.test(log) || isDiskFull(paths)) return diskFull(paths);
  if (READ_ONLY.test(log)) {
    return new EmbeddedServerError(
      'DATA_DIR',
      `The server's database ${paths.database} cannot be written. Make it and its folder writable, ` +
        `or choose another place with --data-dir or DRIA_TEMPORAL_HOME.${quote(paths, log)}`,
    );
  }
  return new EmbeddedServerError(
    'START_FAILED',
    `The local Temporal server ${how}. ${advice(paths, log)}${quote(paths, log)}`,
  );
}

function advice(paths: ServerPaths, log: string): string {
  if (LOCKED.test(log)) return `Another program has its database ${paths.database} open: end that program.`;
  if (NOT_A_DATABASE.test(log)) {
    return `Its database ${paths.database} is damaged: move it away to start with an empty one, or restore a copy.`;
  }
  if (OTHER_SCHEMA.test(log)) {
    return (
      `Its database ${paths.database} may be of another server version: ` +
      'use the newest temporal program (TEMPORAL_CLI_PATH), or another --data-dir.'
    );
  }
  return `Its log is ${paths.log}.`;
}

function quote(paths: ServerPaths, log: string): string {
  return log === '' ? '' : `\nFrom ${paths.log}:\n${log}`;
}

/** The error for a database that a newer server has written. */
export function newerDatabase(paths: ServerPaths, database: string, program: string): EmbeddedServerError {
  return new EmbeddedServerError(
    'NEWER_DATABASE',
    `The database ${paths.database} was last used by Temporal server ${database}, but the temporal program at hand ` +
      `is server ${program}. Point TEMPORAL_CLI_PATH to ${database} or newer, or choose another --data-dir.`,
  );
}
