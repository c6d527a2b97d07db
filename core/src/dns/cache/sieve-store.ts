import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { CacheEntry } from './cache-entry.js';

/** One that would take more than this part of all room is not kept. */
const LARGEST_SHARE = 1 / 8;

/** How many entries are looked at to find an expired one, before one that is still good is given up. */
const LOOKED_AT = 16;

/**
 * Keeps entries within a number of bytes. When room is needed those that have expired go first, and then those that
 * nobody has asked for since they were considered last, oldest first (the SIEVE algorithm, Zhang and others, NSDI 2024):
 * names that are asked for once, however many, do not displace those in use. Every operation but `clear` and iteration
 * takes constant time for each entry that it puts in or gives up.
 */
export class SieveStore {
  private readonly entries = new Map<string, CacheEntry>();
  private newest: CacheEntry | undefined;
  private oldest: CacheEntry | undefined;
  /** Who is considered next. */
  private hand: CacheEntry | undefined;
  /** Who is looked at next for whether it has expired. */
  private sweeper: CacheEntry | undefined;
  private taken = 0;

  constructor(
    private readonly room: number,
    private readonly onRemoved: (entry: CacheEntry) => void,
  ) {}

  get count(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.taken;
  }

  /** What is kept under a key, and now counts as asked for. */
  get(key: string): CacheEntry | undefined {
    // Where nothing is kept, the text need not be hashed.
    const entry = this.entries.size === 0 ? undefined : this.entries.get(key);
    if (entry !== undefined) entry.visited = true;
    return entry;
  }

  /** Puts an entry in the place of any other under its key; one that is too large only removes that other: `false`. */
  set(entry: CacheEntry, now: Milliseconds): boolean {
    this.delete(entry.key);
    if (entry.size > this.room * LARGEST_SHARE) return false;
    while (this.taken + entry.size > this.room) this.giveUpOne(now);
    this.entries.set(entry.key, entry);
    this.taken += entry.size;
    entry.older = this.newest;
    if (this.newest !== undefined) this.newest.newer = entry;
    this.newest = entry;
    this.oldest ??= entry;
    return true;
  }

  delete(key: string): void {
    const entry = this.entries.get(key);
    if (entry !== undefined) this.remove(entry);
  }

  /** Removes all whose key is meant, and tells how many. Takes time for every entry there is. */
  clear(isMeant: (key: string) => boolean): number {
    const before = this.entries.size;
    for (const entry of this.entries.values()) if (isMeant(entry.key)) this.remove(entry);
    return before - this.entries.size;
  }

  private giveUpOne(now: Milliseconds): void {
    for (let count = 0; count < LOOKED_AT; count++) {
      const entry = this.sweeper ?? this.oldest;
      if (entry === undefined) return;
      this.sweeper = entry.newer;
      if (entry.expiresAt <= now) return this.remove(entry);
    }
    for (;;) {
      const entry = this.hand ?? this.oldest;
      if (entry === undefined) return;
      if (!entry.visited) return this.remove(entry);
      entry.visited = false;
      this.hand = entry.newer;
    }
  }

  private remove(entry: CacheEntry): void {
    const { older, newer } = entry;
    if (this.hand === entry) this.hand = newer;
    if (this.sweeper === entry) this.sweeper = newer;
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.newest = older;
    else newer.older = older;
    entry.older = entry.newer = undefined;
    this.entries.delete(entry.key);
    this.taken -= entry.size;
    this.onRemoved(entry);
  }
}
