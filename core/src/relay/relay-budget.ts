import type { Clock } from '../contracts/clock.js';
import { DescriptorBudget } from '../net/descriptor-budget.js';
import { fileLimits } from '../plugin-kit/initial-file-limit.js';

/** The most connections and flows of all unikernels together, each with two descriptors. */
const MOST_RELAYED = 16_384;

/** The most bytes of all held connections and datagrams; what is held beyond is not read. */
const MOST_HELD_BYTES = 33_554_432;

/** What all relays together may use. */
export class RelayBudget {
  /** The most connections and flows. Half of all descriptors is for the rest of Jitsu, whatever clients do. */
  readonly most: number;
  #relayed = 0;
  #heldBytes = 0;

  constructor(
    clock: Pick<Clock, 'now'>,
    limit = fileLimits('self')?.soft ?? Infinity,
    private readonly descriptors: Pick<DescriptorBudget, 'allows' | 'opened' | 'closed'> = new DescriptorBudget(clock),
  ) {
    this.most = Math.min(MOST_RELAYED, Math.floor(limit / 4));
  }

  /** Takes the place of a connection or flow with its two descriptors; `false` where there is none. */
  take(): boolean {
    if (this.#relayed >= this.most || !this.descriptors.allows()) return false;
    this.#relayed += 1;
    this.descriptors.opened();
    this.descriptors.opened();
    return true;
  }

  give(): void {
    this.#relayed -= 1;
    this.descriptors.closed();
    this.descriptors.closed();
  }

  /** Whether there are any connections or flows. */
  get isUsed(): boolean {
    return this.#relayed > 0;
  }

  /** Counts bytes that are held, and those that are not any more as negative. */
  hold(bytes: number): void {
    this.#heldBytes += bytes;
  }

  /** Whether no more bytes may be held. */
  get isFull(): boolean {
    return this.#heldBytes >= MOST_HELD_BYTES;
  }
}
