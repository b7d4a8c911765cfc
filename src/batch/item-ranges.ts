/** Item indices as a short string, so that a pack of hundreds costs the history a few bytes: `340-351,355`. */
export type ItemRanges = string;

/** Writes indices as ranges. The order is kept; only neighbours that count up by one are joined. */
export function encodeItems(items: readonly number[]): ItemRanges {
  const ranges: string[] = [];
  let position = 0;
  while (position < items.length) {
    const end = endOfRange(items, position);
    const [first, last] = [items[position], items[end]];
    ranges.push(first === last ? `${first}` : `${first}-${last}`);
    position = end + 1;
  }
  return ranges.join(',');
}

function endOfRange(items: readonly number[], start: number): number {
  let end = start;
  while (end + 1 < items.length && items[end + 1] === (items[end] ?? 0) + 1) end++;
  return end;
}

/** Reads {@link encodeItems} back. Throws a `RangeError` for anything else. */
export function decodeItems(ranges: ItemRanges): number[] {
  if (ranges === '') return [];
  return ranges.split(',').flatMap((range) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match === null) throw new RangeError(`not a range of items: ${range}`);
    const first = Number(match[1]);
    const last = match[2] === undefined ? first : Number(match[2]);
    if (last < first) throw new RangeError(`not a range of items: ${range}`);
    return Array.from({ length: last - first + 1 }, (_, step) => first + step);
  });
}

/** Counts the items of ranges. */
export function countItems(ranges: ItemRanges): number {
  let count = 0;
  for (const [first, last] of pairsOf(ranges)) count += last - first + 1;
  return count;
}

/** Splits ranges after `count` items. Returns the first part and the rest; order is kept. */
export function splitItems(ranges: ItemRanges, count: number): readonly [head: ItemRanges, rest: ItemRanges] {
  const head: Pair[] = [];
  const rest: Pair[] = [];
  let wanted = count;
  for (const [first, last] of pairsOf(ranges)) {
    const taken = Math.min(wanted, last - first + 1);
    if (taken > 0) head.push([first, first + taken - 1]);
    if (first + taken <= last) rest.push([first + taken, last]);
    wanted -= taken;
  }
  return [textOf(head), textOf(rest)];
}

/** Joins ranges, one behind the other. */
export function joinItems(...ranges: readonly ItemRanges[]): ItemRanges {
  return ranges.filter((range) => range !== '').join(',');
}

type Pair = readonly [first: number, last: number];

function pairsOf(ranges: ItemRanges): Pair[] {
  if (ranges === '') return [];
  return ranges.split(',').map((range) => {
    const dash = range.indexOf('-');
    return dash < 0 ? [Number(range), Number(range)] : [Number(range.slice(0, dash)), Number(range.slice(dash + 1))];
  });
}

function textOf(pairs: readonly Pair[]): ItemRanges {
  return pairs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
