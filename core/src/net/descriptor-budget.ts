import { readdirSync } from 'node:fs';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { fileLimits } from '../plugin-kit/initial-file-limit.js';

/** The most descriptors that are kept for everything but connections of clients. */
const MOST_KEPT = 256;

/** The shortest time between two counts, which cost the more the more descriptors are open. */
const COUNT_PAUSE: Milliseconds = 1_000;

/**
 * Says whether this process can afford the descriptor of another TCP connection. A quarter of what it may open, at most
 * 256, is kept for upstreams, probes, programs and files. What connections take is known; what the others take is
 * counted when a connection comes, now and then.
 */
export class DescriptorBudget {
  readonly #limit: number;
  readonly #kept: number;
  /** The descriptors at the last count, and by how many there are more connections since. */
  #used = Infinity;
  #more = 0;
  /** The connections that were opened since. */
  #opened = 0;
  #countedAt: Milliseconds = -Infinity;

  /**
   * @param limit how many files this process may open; `undefined` where the system does not tell
   * @param count how many are open
   */
  constructor(
    private readonly clock: Pick<Clock, 'now'>,
    limit = fileLimits('self')?.soft,
    private readonly count: () => number = openDescriptors,
  ) {
    this.#limit = limit ?? Infinity;
    this.#kept = Math.min(MOST_KEPT, Math.ceil(this.#limit / 4));
  }

  /** How many connections more it allows at this moment. */
  get room(): number {
    if (this.#limit === Infinity) return Infinity;
    this.#recount();
    return Math.max(0, this.#left);
  }

  /** Whether one more connection can be afforded. */
  allows(): boolean {
    if (this.#limit === Infinity) return true;
    const isOld = this.clock.now() - this.#countedAt >= COUNT_PAUSE;
    if (isOld && (this.#left <= 0 || this.#opened >= this.#kept / 4)) this.#recount();
    return this.#left > 0;
  }

  /** A connection has been opened. */
  opened(): void {
    this.#more += 1;
    this.#opened += 1;
  }

  /** One of these connections has been closed. */
  closed(): void {
    this.#more -= 1;
  }

  get #left(): number {
    return this.#limit - this.#kept - this.#used - this.#more;
  }

  #recount(): void {
    this.#more = this.#opened = 0;
    this.#countedAt = this.clock.now();
    try {
      this.#used = this.count();
    } catch {
      // Not even one is left for the count.
      this.#used = this.#limit;
    }
  }
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
