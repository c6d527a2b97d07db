import type { WakeCause } from '../../contracts/lifecycle-event.js';
import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { AnswerLease } from '../../contracts/resolver.js';
import type { Named } from './name-table.js';

/** The records that a unikernel can be reached by. */
export interface Reachable {
  /** Empty where the first boot finds them out. */
  readonly addresses: readonly string[];
  readonly seeksAddresses: boolean;
  /** Whether it may have other addresses when it is started anew. */
  readonly addressesMayChange: boolean;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2). */
  readonly plan: {
    readonly https?: readonly Uint8Array[] | undefined;
    readonly svcb?: readonly Uint8Array[] | undefined;
  };
}

/** A unikernel as DNS sees it. */
export interface DnsUnikernel extends Named, Reachable {
  readonly plan: Named['plan'] &
    Reachable['plan'] & {
      readonly ttl: Milliseconds;
      /** Whether its address is given before it is ready, as long as its first packets are held. */
      readonly answersAtOnce?: boolean;
      /** What wakes it while they are held: a question, or only a connection. A question where absent. */
      readonly wakesOn?: 'query' | 'connection';
    };
  /** Whether its service answers. */
  readonly ready: boolean;
  /** Whether a summon of it is under way. */
  readonly isSummoned: boolean;
  /** Whether its last summon has failed. */
  readonly failing: boolean;
}

/** All that DNS asks of the rest of Jitsu: waking unikernels, counting their queries, and how long an answer holds. */
export interface UnikernelService<Unikernel extends DnsUnikernel> {
  /** Resolves when the unikernel's service answers; concurrent callers share one boot. */
  summon(unikernel: Unikernel, cause: WakeCause): Promise<void>;

  /**
   * Whether first packets to this unikernel, which is not ready, are held at this moment and wake it, at the address that it
   * will have.
   */
  isHeld(unikernel: Unikernel): boolean;

  /** Counts a query for this configured name of the unikernel. */
  countQuery(unikernel: Unikernel, name: string, at: Milliseconds): void;

  /** Counts the late answer to a query that had to wait: the client's TTL starts now. */
  countAnswer(unikernel: Unikernel, name: string, at: Milliseconds): void;

  /**
   * The lease of an answer, the same one as long as it holds; `undefined` unless everything that it depends on is
   * ready, or held and woken by connections alone, since a query has to wake the others.
   *
   * @param key one per kind of answer
   * @param name the configured name for which uses of the answer are counted
   * @param wanted the unikernels with such records, all of which the answer names
   * @param behind all unikernels of the name: one that may yet get such an address has to be ready, too
   */
  lease(key: string, name: string, wanted: readonly Unikernel[], behind: readonly Unikernel[]): AnswerLease | undefined;

  /** Ends the leases of its answers: they would be others now. */
  takeBack(unikernel: Unikernel): void;
}
