import type { WakeCause } from '../../contracts/lifecycle-event.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease } from '../../contracts/resolver.js';
import type { Reachable } from './connection-type.js';
import type { Named } from './name-table.js';

/** A unikernel as DNS sees it. */
export interface DnsUnikernel extends Named, Reachable {
  readonly plan: Named['plan'] & Reachable['plan'] & { readonly ttl: Milliseconds };
  /** Whether its service answers. */
  readonly ready: boolean;
  /** Whether a summon of it is under way. */
  readonly isSummoned: boolean;
}

/** All that DNS asks of the rest of Jitsu: to wake unikernels, to count the queries, and to know how long an answer holds. */
export interface UnikernelService<Unikernel extends DnsUnikernel> {
  /** Resolves when the unikernel's service answers; all who ask meanwhile share one boot. */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void>;

  /** A query for this configured name of the unikernel has come in. */
  countQuery(unikernel: Unikernel, name: string, at: Milliseconds): void;

  /** A query that had to wait is answered only now: the client's TTL runs from here. */
  countAnswer(unikernel: Unikernel, name: string, at: Milliseconds): void;

  /**
   * The lease of an answer, the same one as long as it holds; `undefined` unless all that it depends on are ready, since
   * a query has to wake the others.
   *
   * @param key one for each kind of answer
   * @param name the configured name for which uses of the answer are counted
   * @param wanted those that have such records, all of which the answer names
   * @param behind all behind the name: one that may yet turn out to have such an address has to be ready, too
   */
  lease(key: string, name: string, wanted: readonly Unikernel[], behind: readonly Unikernel[]): AnswerLease | undefined;
}
