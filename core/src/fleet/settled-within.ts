import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { untilAborted } from '../plugin-kit/until-aborted.js';

/** The outcomes of those promises that settle within the limit, and `undefined` for the others, which go on. */
export async function settledWithin<T>(
  promises: readonly Promise<T>[],
  limit: Milliseconds,
  clock: Clock,
): Promise<readonly (PromiseSettledResult<T> | undefined)[]> {
  const outcomes: (PromiseSettledResult<T> | undefined)[] = promises.map(() => undefined);
  const all = promises.map((promise, index) =>
    promise.then(
      (value) => (outcomes[index] = { status: 'fulfilled', value }),
      (reason: unknown) => (outcomes[index] = { status: 'rejected', reason }),
    ),
  );
  const enough = new AbortController();
  using _limit = clock.after(limit, () => enough.abort());
  await untilAborted(Promise.all(all), enough.signal).catch(() => undefined);
  return outcomes;
}
