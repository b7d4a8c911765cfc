/** When a request came and when its answer went out, ms on one clock. */
export interface Interval {
  readonly start: number;
  readonly end: number;
}

/** Lane time in which no request was in flight, as parts of lanes × window. Together: what is missing to 1. */
export interface IdleLanes {
  /** Until all lanes were busy for the first time. */
  readonly start: number;
  /** From then until the last request came: gaps between requests. */
  readonly between: number;
  /** After the last request came: lanes that have nothing left to do. */
  readonly tail: number;
}

/** Says where lanes were idle between the first request and the last answer. */
export function idleLanes(requests: readonly Interval[], lanes: number): IdleLanes {
  const changes = requests
    .flatMap(({ start, end }) => [
      { at: start, by: 1 },
      { at: end, by: -1 },
    ])
    .sort((a, b) => a.at - b.at || a.by - b.by);
  const idle = { start: 0, between: 0, tail: 0 };
  const lastStart = Math.max(...requests.map(({ start }) => start));
  const [first] = changes;
  const last = changes.at(-1);
  if (first === undefined || last === undefined || last.at === first.at) return idle;
  let inFlight = 0;
  let wasFull = false;
  let before = first.at;
  for (const { at, by } of changes) {
    const phase = before >= lastStart ? 'tail' : wasFull ? 'between' : 'start';
    idle[phase] += (lanes - inFlight) * (at - before);
    inFlight += by;
    wasFull ||= inFlight >= lanes;
    before = at;
  }
  const total = lanes * (last.at - first.at);
  return { start: idle.start / total, between: idle.between / total, tail: idle.tail / total };
}
