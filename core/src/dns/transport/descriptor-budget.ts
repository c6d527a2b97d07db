import { readdirSync } from 'node:fs';
import { fileLimits } from '../../plugin-kit/initial-file-limit.js';

/** The most descriptors that are kept for everything but connections of clients. */
const MOST_KEPT = 256;

/**
 * Says whether this process can afford the descriptor of another TCP connection. A quarter of what it may open, at most
 * 256, is kept for upstreams, probes, programs and files.
 */
export class DescriptorBudget {
  readonly #limit: number;
  readonly #kept: number;
  /** The descriptors at the last count, and the connections that were allowed since. */
  #used = Infinity;
  #allowed = 0;

  /**
   * @param limit how many files this process may open; `undefined` where the system does not tell
   * @param count how many are open
   */
  constructor(
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
    return Math.max(0, this.#limit - this.#kept - this.#used);
  }

  /** Takes a connection into account, if it can be afforded. Counts anew only now and then. */
  allows(): boolean {
    if (this.#limit === Infinity) return true;
    // Some have been closed since: only a new count tells how many.
    if (this.#used === Infinity || this.#allowed >= this.#kept / 4) this.#recount();
    if (this.#used + this.#allowed + this.#kept >= this.#limit) this.#recount();
    if (this.#used + this.#kept >= this.#limit) return false;
    this.#allowed += 1;
    return true;
  }

  #recount(): void {
    this.#allowed = 0;
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
