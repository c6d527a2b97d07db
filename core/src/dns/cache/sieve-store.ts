import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer } from '../../contracts/resolver.js';

/** The memory of an entry besides its key and its message, in bytes: objects and table slots, measured with Node 20. */
const OVERHEAD = 640;

/** An entry of the cache, with what the store needs to choose the one to evict. */
export abstract class CacheEntry {
  /** In bytes. */
  readonly size: number;
  /** Whether it was asked for since the hand of SIEVE last passed. */
  visited = false;
  newer: CacheEntry | undefined;
  older: CacheEntry | undefined;

  /**
   * @param length the length of its message, in bytes
   * @param expiresAt the end of its TTL
   * @param goneAt the time from which it may not even be served stale
   */
  constructor(
    readonly key: string,
    length: number,
    readonly expiresAt: Milliseconds,
    readonly goneAt: Milliseconds,
  ) {
    this.size = key.length + length + OVERHEAD;
  }

  /** The answer before it expires. */
  abstract answerAt(now: Milliseconds, overUdp: boolean): DnsAnswer;
}

/** An entry that takes more than this share of the store is not stored. */
const LARGEST_SHARE = 1 / 8;

/** How many entries are checked for an expired one before an entry is evicted that is still valid. */
const EXPIRY_CHECKS = 16;

/**
 * Holds entries within a number of bytes. When there is no room, expired entries are removed first, then those that
 * were not asked for since the hand last passed, oldest first (the SIEVE algorithm, Zhang and others, NSDI 2024): any
 * number of names that are asked for once does not displace those in use. Every operation but `clear` takes constant
 * time per entry that it adds or removes.
 */
export class SieveStore {
  private readonly entries = new Map<string, CacheEntry>();
  private newest: CacheEntry | undefined;
  private oldest: CacheEntry | undefined;
  /** The entry that is considered next for eviction (the hand of SIEVE). */
  private hand: CacheEntry | undefined;
  /** The entry whose expiry is checked next. */
  private sweeper: CacheEntry | undefined;
  private used = 0;

  constructor(
    private readonly capacity: number,
    private readonly onRemoved: (entry: CacheEntry) => void,
  ) {}

  get count(): number {
    return this.entries.size;
  }

  get bytes(): number {
    return this.used;
  }

  /** The entry under a key, which then counts as asked for. */
  get(key: string): CacheEntry | undefined {
    // With an empty store, the key need not be hashed.
    const entry = this.entries.size === 0 ? undefined : this.entries.get(key);
    if (entry !== undefined) entry.visited = true;
    return entry;
  }

  /**
   * Replaces the entry under the same key. Returns false for an entry that is too large, which only removes the old
   * one.
   */
  set(entry: CacheEntry, now: Milliseconds): boolean {
    this.delete(entry.key);
    if (entry.size > this.capacity * LARGEST_SHARE) return false;
    while (this.used + entry.size > this.capacity) this.evictOne(now);
    this.entries.set(entry.key, entry);
    this.used += entry.size;
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

  /** Removes the entries whose keys match and returns their number. Takes time for every entry of the store. */
  clear(matches: (key: string) => boolean): number {
    const before = this.entries.size;
    for (const entry of this.entries.values()) if (matches(entry.key)) this.remove(entry);
    return before - this.entries.size;
  }

  private evictOne(now: Milliseconds): void {
    for (let count = 0; count < EXPIRY_CHECKS; count++) {
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
    this.used -= entry.size;
    this.onRemoved(entry);
  }
}
