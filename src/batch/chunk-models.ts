/** Which models the items of a chunk name. */
export interface ChunkModels {
  /** The models, in the order in which they come. */
  readonly names: readonly string[];
  /**
   * For each item in input order its place in `names`, empty for an item that names none; consecutive items that are the same
   * are counted: `0x4,,1,0` is seven items.
   */
  readonly items: string;
}

/** Writes the models that the items of a chunk name, undefined for none. Returns undefined if none of them names one. */
export function encodeModels(models: readonly (string | undefined)[]): ChunkModels | undefined {
  const places = new Map<string, number>();
  const runs: string[] = [];
  let count = 0;
  models.forEach((model, at) => {
    if (model !== undefined && !places.has(model)) places.set(model, places.size);
    count++;
    if (at + 1 < models.length && models[at + 1] === model) return;
    const place = model === undefined ? '' : String(places.get(model));
    runs.push(count === 1 ? place : `${place}x${count}`);
    count = 0;
  });
  return places.size === 0 ? undefined : { names: [...places.keys()], items: runs.join(',') };
}

/** Reads what {@link encodeModels} wrote, one model per item. Throws a `RangeError` for what it cannot have written. */
export function decodeModels({ names, items }: ChunkModels): (string | undefined)[] {
  return items.split(',').flatMap((run) => {
    const match = /^(\d*)(?:x(\d+))?$/.exec(run);
    if (match === null) throw new RangeError(`not the models of items: ${run.slice(0, 40)}`);
    const [, place = '', count = '1'] = match;
    const name = place === '' ? undefined : names[Number(place)];
    if (place !== '' && name === undefined) throw new RangeError(`there is no model ${place} among ${names.length}`);
    return new Array<string | undefined>(Number(count)).fill(name);
  });
}
