/** How the cache fares. Counts begin with the start; answers repeated in front of the cache are not among them. */
export interface CacheStatus {
  /** Answered from what is kept, failures that are remembered included. */
  readonly hits: number;
  /** Asked of an upstream, or answered together with one that was. */
  readonly misses: number;
  /** Answered by what had expired, as no upstream answered in time. */
  readonly stale: number;
  /** Renewed before they expired. */
  readonly prefetches: number;
  readonly entries: number;
  readonly bytes: number;
  /** How many bytes there may be. */
  readonly size: number;
}
