const FORMATS: Readonly<Record<string, Intl.DateTimeFormat>> = {
  full: new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' }),
  minute: new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }),
  second: new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' }),
  day: new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }),
};

/** A moment, epoch ms, in the time zone and the habits of whoever looks. */
export function localMoment(at: number, format: string): string {
  return (FORMATS[format] ?? FORMATS.full)?.format(at) ?? '';
}

/** Writes the page's moments, which are in UTC, in local time. */
export function localizeMoments(): void {
  for (const element of document.querySelectorAll<HTMLTimeElement>('time[data-format]')) {
    element.textContent = localMoment(Date.parse(element.dateTime), element.dataset.format ?? '');
    element.title = element.dateTime;
  }
  for (const element of document.querySelectorAll<SVGTitleElement>('title[data-at]')) {
    const [, words = ''] = /UTC: (.*)/.exec(element.textContent ?? '') ?? [];
    element.textContent = `${localMoment(Number(element.dataset.at), 'second')}: ${words}`;
  }
}
