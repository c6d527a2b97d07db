import type { Clock, Milliseconds } from '@jitsud/core';

/** How long what the file system said may be believed. */
const FRESH: Milliseconds = 1_000;

/** Remembers for a moment what was looked up, so that 100,000 registrations in a row ask once for each thing. */
export class Remembered<T> {
  readonly #values = new Map<string, T>();
  #since: Milliseconds = -Infinity;

  constructor(private readonly clock: Clock) {}

  get(key: string, find: () => T): T {
    const now = this.clock.now();
    if (now - this.#since > FRESH) {
      this.#values.clear();
      this.#since = now;
    }
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const found = find();
    this.#values.set(key, found);
    return found;
  }
}
