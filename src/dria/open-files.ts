import { isObject } from './json.js';

/** Files that a worker's process has open beside those of its requests: the SDK's, the storage's, the runs' logs. */
const OWN_FILES = 128;

/** Files that a request may have open: its connection, and its attachment. */
const FILES_PER_REQUEST = 2;

/**
 * Returns how many requests a process may have in flight that may open so many files (`ulimit -n`). With none left Node
 * aborts: it needs some to run a workflow task.
 */
export function affordableRequests(files = maxOpenFiles()): number {
  return Math.max(0, Math.floor((files - OWN_FILES) / FILES_PER_REQUEST));
}

let known: number | undefined;

/** Returns how many files this process may open. Node has raised its limit as far as it may. */
export function maxOpenFiles(): number {
  known ??= readLimit();
  return known;
}

function readLimit(): number {
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const before = report.excludeNetwork ?? false;
  try {
    // Else the names of all peers are looked up.
    report.excludeNetwork = true;
    return filesIn(report.getReport());
  } finally {
    report.excludeNetwork = before;
  }
}

/** Windows has no such limit. */
function filesIn(report: object): number {
  const limits = 'userLimits' in report ? report.userLimits : undefined;
  const files = isObject(limits) ? limits.open_files : undefined;
  return isObject(files) && typeof files.soft === 'number' ? files.soft : Number.POSITIVE_INFINITY;
}
