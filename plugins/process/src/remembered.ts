import type { Clock, Milliseconds } from '@jitsud/core/plugin';

/** How long a result of the file system is reused. */
const FRESH: Milliseconds = 1_000;

/** Caches look-ups for a moment, so that a million registrations in a row ask once for each thing. */
export class Remembered<T> {
  readonly #values = new Map<string, T>();
  #since: Milliseconds = -Infinity;
  /** The latest result, which mostly is the next one asked for, too. */
  #latest: { readonly key: readonly string[]; readonly value: T } | undefined;

  constructor(private readonly clock: Clock) {}

  /** @param key everything that the result depends on */
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
