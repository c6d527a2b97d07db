/** How many are under way at the same time: the other side is always busy, and never has more than it takes. */
const UNDER_WAY = 8;

/**
 * Does one thing after the other, each in a turn of its own, so that other work gets its turn as well; some are under way
 * at the same time. All of them are done. Rejects with what the first that failed has failed with.
 */
export async function pipelined(works: Iterable<() => Promise<unknown>>): Promise<void> {
  const underWay: Promise<unknown>[] = [];
  const failures: unknown[] = [];
  for (const work of works) {
    underWay.push(work().catch((error: unknown) => failures.push(error)));
    if (underWay.length >= UNDER_WAY) await underWay.shift();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
}
