interface RecordHead {
  /**
   * Presentation form, no trailing dot; the root is the empty string. Dots in labels and bytes that do not print are
   * escaped (RFC 4343, 2.1).
   */
  readonly name: string;
  /** In seconds, as on the wire (RFC 2181, 8). */
  readonly ttl: number;
}

export interface SoaData {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** The TTL of negative answers, in seconds (RFC 2308, 4). */
  readonly minimum: number;
}

/**
 * A record of class IN, of the types that Jitsu itself writes; any other type as its number and its data in bytes (RFC
 * 3597).
 */
export type ResourceRecord = RecordHead &
  (
    | { readonly type: 'A' | 'AAAA'; readonly address: string }
    | { readonly type: 'CNAME' | 'NS' | 'PTR'; readonly target: string }
    | ({ readonly type: 'SOA' } & SoaData)
    | { readonly type: 'TXT'; readonly strings: readonly string[] }
    | { readonly type: number; readonly data: Uint8Array }
  );
