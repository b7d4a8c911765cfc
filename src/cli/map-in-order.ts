/** The results of an action on each of some things, in their order, with a maximum of actions that run at once. */
export async function* mapInOrder<Source, Result>(
  source: AsyncIterable<Source>,
  atMost: number,
  action: (one: Source) => Promise<Result>,
): AsyncGenerator<Result, void, undefined> {
  const underWay: Promise<Result>[] = [];
  for await (const one of source) {
    const begun = action(one);
    // It is awaited when its turn comes; until then a failure is no unhandled one.
    begun.catch(() => undefined);
    underWay.push(begun);
    const first = underWay.length < atMost ? undefined : underWay.shift();
    if (first !== undefined) yield await first;
  }
  for (const left of underWay) yield await left;
}
