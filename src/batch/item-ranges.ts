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
