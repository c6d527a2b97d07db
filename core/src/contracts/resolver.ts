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
    /** The data of the COOKIE option: 8 bytes of the client's, and 8 to 32 of a server's where it knows one (RFC 7873, 4). */
    readonly cookie?: Uint8Array;
  };
  readonly client: DnsClient;
  /**
   * Whether its source is no forgery: it came over TCP or by no socket, it carries a server cookie of ours, or its
   * network needs no proof. Only such a query may boot a unikernel, or keep it alive.
   */
  readonly proven: boolean;
  /** The whole query as it came in, the question in the client's own spelling. */
  readonly message: Uint8Array;
}

/** RFC 8914. */
export interface ExtendedError {
  readonly code: number;
  readonly text?: string;
}

/** A promise that an answer holds until further notice, so that it may be given again without asking the resolver. */
export interface AnswerLease {
  /** False from the moment on when nobody may be given the answer any more. */
  readonly holds: boolean;
  /** Calls back when it ends, at once and before anything follows from that; never, if it has ended already. */
  onEnd(listener: () => void): void;
  /** The answer has been given so many times more without the resolver being asked. Absent where nobody counts. */
  used?(times: number): void;
}

export interface RecordsAnswer {
  /** RFC 1035, 4.1.1, and later. 0 is NOERROR. */
  readonly rcode: number;
  readonly authoritative?: boolean;
  readonly answers?: readonly ResourceRecord[];
  readonly authorities?: readonly ResourceRecord[];
  readonly extendedError?: ExtendedError;
  /** The client has to prove its source by a cookie or by TCP, and to ask again; the response holds nothing else. */
  readonly wantsProof?: boolean;
  /** Present where the same question may get the same records for as long as this holds, in any order. */
  readonly lease?: AnswerLease;
}

/** A complete response of an upstream, passed on with the client's id, question and size limit. */
export interface MessageAnswer {
  readonly message: Uint8Array;
  /**
   * Until when the same question, with the same RD, AD, CD and DO, may get this without the resolver being asked, by the
   * clock and in milliseconds; its TTLs count down meanwhile.
   */
  readonly reusableUntil?: Milliseconds;
  /** Put before any that the message itself holds, for clients with EDNS. */
  readonly extendedError?: ExtendedError;
}

export type DnsAnswer = RecordsAnswer | MessageAnswer;

/**
 * A link in the ordered chain of resolvers: the first answer wins.
 *
 * `undefined` means "not mine, ask the next"; a query that nobody answers gets REFUSED. What is known at once is best
 * given at once, without a promise: every query asks each resolver in front of the one that answers. A rejection, or what
 * is thrown, becomes SERVFAIL, with the error's text as Extended DNS Error. The signal aborts when nobody waits for the
 * answer any more.
 */
export interface Resolver {
  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined>;
}
