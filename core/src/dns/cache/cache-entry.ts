import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { DnsAnswer } from '../../contracts/resolver.js';

/** What an entry takes beside its key and its message: objects and table places, as measured with Node 20, in bytes. */
const OVERHEAD = 640;

/** Something that is kept under a key, with what the store needs to find the one to give up. */
export abstract class CacheEntry {
  /** What it takes, in bytes. */
  readonly size: number;
  /** Whether it has been asked for since the store last considered it. */
  visited = false;
  newer: CacheEntry | undefined;
  older: CacheEntry | undefined;

  /**
   * @param expiresAt until when it is an answer like any other
   * @param goneAt when it is good for nothing any more
   */
  constructor(
    readonly key: string,
    length: number,
    readonly expiresAt: Milliseconds,
    readonly goneAt: Milliseconds,
  ) {
    this.size = key.length + length + OVERHEAD;
  }

  /** What it says now, before it expires. */
  abstract answerAt(now: Milliseconds): DnsAnswer;
}
