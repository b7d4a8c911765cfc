import { type Html, html } from './html.js';

/** How a moment is written: day and time; hour and minute; with seconds; day and hour. */
export type MomentFormat = 'full' | 'minute' | 'second' | 'day';

/** A moment, epoch ms, in UTC; the page's script writes it in the time zone of whoever looks. */
export function moment(at: number, format: MomentFormat = 'full'): Html {
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}" data-format="${format}">${inUtc(iso, format)}</time>`;
}

function inUtc(iso: string, format: MomentFormat): string {
  const [day, clock] = [iso.slice(0, 10), iso.slice(11, 19)];
  switch (format) {
    case 'full':
      return `${day} ${clock} UTC`;
    case 'minute':
      return clock.slice(0, 5);
    case 'second':
      return clock;
    case 'day':
      return `${day.slice(5)} ${clock.slice(0, 5)}`;
  }
}
