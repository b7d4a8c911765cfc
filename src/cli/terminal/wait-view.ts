import type { EndpointWait, Progress } from '../../batch/progress.js';
import { formatDuration, formatMoment } from './format.js';
import { clean } from './text.js';

/** A wait in one line: what for, since when, and until when. Times are local, with the day if it is not today. */
export function waitLine({ text, since, until }: EndpointWait, now: number): string {
  const end = until === undefined ? [] : [`until ${momentText(until, now)}`];
  return [clean(text), `since ${momentText(since, now)}`, ...end].join(' · ');
}

/** Since when and until when a wait is, with how long it has been. */
export function waitTimes({ since, until }: EndpointWait, now: number): string {
  const end = until === undefined ? '' : `, until ${momentText(until, now)}`;
  return `since ${momentText(since, now)} (${formatDuration(now - since)})${end}`;
}

function momentText(at: number, now: number): string {
  const [day, time] = formatMoment(at).split(' ');
  return formatMoment(now).startsWith(`${day} `) ? `${time}` : `${day} ${time}`;
}

/** What is new in a snapshot: a wait that has begun, and notes. */
export interface News {
  readonly wait: EndpointWait | undefined;
  readonly notes: readonly string[];
}

/** Returns a function that gives of each snapshot what none before had. */
export function createNews(): (progress: Pick<Progress, 'waiting' | 'notes'>) => News {
  const seen = new Set<string>();
  const isNew = (key: string): boolean => seen.size !== seen.add(key).size;
  return ({ waiting, notes = [] }) => ({
    wait: waiting !== undefined && isNew(`wait ${waiting.since} ${waiting.text}`) ? waiting : undefined,
    notes: notes.filter((note) => isNew(`note ${note}`)),
  });
}
