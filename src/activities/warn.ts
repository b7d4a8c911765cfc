import { activityInfo, log } from '@temporalio/activity';

/** Logs a warning as the current activity; outside of one, where a write ends after its pack, to standard error. */
export function warn(message: string): void {
  if (isInActivity()) log.warn(message);
  else process.stderr.write(`dria-temporal: ${message}\n`);
}

function isInActivity(): boolean {
  try {
    activityInfo();
    return true;
  } catch {
    return false;
  }
}
