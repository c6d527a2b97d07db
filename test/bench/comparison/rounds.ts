/** What is measured by turns: the tree from before, the tree of now, and the one from before once more, for the noise. */
export interface Trio<T> {
  readonly before: T;
  readonly after: T;
  readonly again: T;
}

/** Every order once, and a pair in either order equally often: A B, B A, B A, A B and so on. */
const ORDERS: readonly (readonly (keyof Trio<unknown>)[])[] = [
  ['before', 'after', 'again'],
  ['again', 'after', 'before'],
  ['after', 'again', 'before'],
  ['before', 'again', 'after'],
  ['again', 'before', 'after'],
  ['after', 'before', 'again'],
];

/** Measures each of the three once a round, in an order that changes, so that all of them meet the same machine. */
export async function measureRounds<T, M>(
  trio: Trio<T>,
  rounds: number,
  measure: (subject: T) => Promise<M>,
): Promise<Trio<M>[]> {
  const measured: Trio<M>[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const results = new Map<keyof Trio<unknown>, M>();
    for (const part of ORDERS[round % ORDERS.length] ?? []) results.set(part, await measure(trio[part]));
    measured.push({
      before: results.get('before') as M,
      after: results.get('after') as M,
      again: results.get('again') as M,
    });
  }
  return measured;
}

/** Prepares each of the three in turn. */
export async function forEachOf<T, M>(trio: Trio<T>, prepare: (subject: T) => Promise<M>): Promise<Trio<M>> {
  return {
    before: await prepare(trio.before),
    after: await prepare(trio.after),
    again: await prepare(trio.again),
  };
}
