import type { Clock } from '../contracts/clock.js';
import { ReadyLease } from './ready-lease.js';
import type { Unikernel } from './unikernel.js';

/** Gives the leases of answers: one for each kind of answer at a time, however often it is asked for. */
export class ReadyLeases {
  readonly #leases = new Map<string, ReadyLease>();

  constructor(private readonly clock: Clock) {}

  /**
   * The lease of the answer by this key, in which all `wanted` unikernels are named; `undefined` unless all of them are
   * ready, since a query has to wake the others.
   *
   * @param name the configured DNS name that is counted for
   * @param behind all who stand behind the name: one that may yet turn out to have such an address has to be ready, too
   */
  of(key: string, name: string, wanted: readonly Unikernel[], behind: readonly Unikernel[]): ReadyLease | undefined {
    const known = this.#leases.get(key);
    if (known?.holds === true) return known;
    const concerned = behind.filter((unikernel) => unikernel.seeksAddresses || wanted.includes(unikernel));
    if (!concerned.every(({ ready }) => ready)) return undefined;
    const counters = wanted.flatMap((unikernel) => unikernel.counters.get(name) ?? []);
    const lease = new ReadyLease(concerned, counters, this.clock);
    this.#leases.set(key, lease);
    return lease;
  }
}
