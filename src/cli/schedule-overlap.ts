import type { ScheduleOverlapPolicy } from '@temporalio/client';

/** What may happen if a run would start while the one before is unfinished, by the word for it. */
export const OVERLAPS: Readonly<Record<string, ScheduleOverlapPolicy>> = {
  skip: 'SKIP',
  'buffer-one': 'BUFFER_ONE',
  'buffer-all': 'BUFFER_ALL',
  'cancel-other': 'CANCEL_OTHER',
  'terminate-other': 'TERMINATE_OTHER',
  'allow-all': 'ALLOW_ALL',
};
