import type { MayNeedRoot } from './may-need-root.js';
import type { Milliseconds } from './milliseconds.js';
import type { ResourceRecord } from './resource-record.js';

export interface DnsClient {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp' | 'inject';
}

/** One well-formed question (RFC 1035, 4.1). */
export interface DnsQuery {
  /** Lower case, presentation form, no trailing dot; the root is the empty string. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly recursionDesired: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** Present when the query carries an OPT record (RFC 6891). */
  readonly edns?: {
    readonly payloadSize: number;
    readonly dnssecOk: boolean;
    /**
     * The data of the COOKIE option: 8 bytes of the client cookie, and 8 to 32 bytes of the server cookie where the
     * client has one (RFC 7873, 4).
     */
    readonly cookie?: Uint8Array;
  };
  readonly client: DnsClient;
  /**
   * Whether the source address is proven or needs no proof: the query came over TCP or without a socket, carries a
   * server cookie of ours, or comes from a network that needs no proof. Only such a query may boot a unikernel or keep
   * it alive.
   */
  readonly proven: boolean;
  /**
   * The query as received, with the question in the client's own spelling: the header, the question and the OPT record,
   * which has no options but the cookie where they are long. What else the client sent is left out, as a query may wait
   * for long.
   */
  readonly message: Uint8Array;
}

/** An Extended DNS Error (RFC 8914). */
export interface ExtendedError {
  readonly code: number;
  readonly text?: string;
  /** Takes the place of the text for clients in `dns.details`; may hold what strangers must not know. */
  readonly details?: string;
}

/** A promise that an answer holds until further notice, so that it may be repeated without asking the resolver. */
export interface AnswerLease {
  /** False as soon as the answer must not be given any more. */
  readonly holds: boolean;
  /** Calls back when the lease ends, at once and before any consequence of that; never if it has ended already. */
  onEnd(listener: () => void): void;
  /** Reports how many times the answer was repeated without asking the resolver. Absent where uses are not counted. */
  used?(times: number): void;
}

export interface RecordsAnswer {
  /** The response code (RFC 1035, 4.1.1, and later); 0 is NOERROR. */
  readonly rcode: number;
  readonly authoritative?: boolean;
  readonly answers?: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly extendedError?: ExtendedError;
  /** The client must prove its source by a cookie or by TCP and ask again; the response holds nothing else. */
  readonly wantsProof?: boolean;
  /** Present where the same question may get the same records, in any order, as long as the lease holds. */
  readonly lease?: AnswerLease;
}

/** A complete response of an upstream, relayed with the client's id, question and size limit. */
export interface MessageAnswer {
  readonly message: Uint8Array;
  /**
   * The time, by the clock and in milliseconds, until which the same question with the same RD, AD, CD and DO may get
   * this answer without asking the resolver; its TTLs count down meanwhile.
   */
  readonly reusableUntil?: Milliseconds;
  /** Put before any Extended DNS Error in the message itself, for clients with EDNS. */
  readonly extendedError?: ExtendedError;
}

export type DnsAnswer = RecordsAnswer | MessageAnswer;

/**
 * A link in the ordered chain of resolvers: the first answer wins.
 *
 * `undefined` means "not mine, ask the next"; a query that no resolver answers gets REFUSED. An answer that is known at
 * once should be returned without a promise: every query asks each resolver in front of the one that answers. A
 * rejection or a thrown error becomes SERVFAIL with an Extended DNS Error: the code of a JitsuError, and its message for
 * clients in `dns.details`. The signal aborts when no client waits for the answer any more.
 */
export interface Resolver extends MayNeedRoot {
  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined>;
}
