import type { Clock, Milliseconds } from '@jitsud/core/plugin';

/** How long what the file system said may be believed. */
const FRESH: Milliseconds = 1_000;

/** Remembers for a moment what was looked up, so that a million registrations in a row ask once for each thing. */
export class Remembered<T> {
  readonly #values = new Map<string, T>();
  #since: Milliseconds = -Infinity;
  /** What was asked for last, which is what is asked for next, as a rule. */
  #latest: { readonly key: readonly string[]; readonly value: T } | undefined;

  constructor(private readonly clock: Clock) {}

  /** @param key all that the answer depends on */
  get(key: readonly string[], find: () => T): T {
    const now = this.clock.now();
    if (now - this.#since > FRESH) {
      this.#values.clear();
      this.#latest = undefined;
      this.#since = now;
    }
    const latest = this.#latest;
    if (latest?.key.length === key.length && key.every((part, index) => part === latest.key[index]))
      return latest.value;
    const joined = key.join('\0');
    const value = this.#values.get(joined) ?? find();
    this.#values.set(joined, value);
    this.#latest = { key, value };
    return value;
  }
}
