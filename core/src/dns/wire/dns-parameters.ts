/**
 * Response codes by their names in RFC 1035, 4.1.1, RFC 6891, 9, and RFC 7873, 8 (above 15, which need an OPT record).
 */
export const Rcode = {
  NoError: 0,
  FormatError: 1,
  ServerFailure: 2,
  NameError: 3,
  NotImplemented: 4,
  Refused: 5,
  BadVersion: 16,
  BadCookie: 23,
} as const;

/** The classes that Jitsu answers (RFC 1035, 3.2.4 and 3.2.5). */
export const RecordClass = { IN: 1, ANY: 255 } as const;

/** The record and question types that Jitsu knows by name (IANA's registry of DNS parameters). */
export const RecordType = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  DNAME: 39,
  OPT: 41,
  RRSIG: 46,
  SVCB: 64,
  HTTPS: 65,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

/** The INFO-CODEs that Jitsu gives, of RFC 8914, section 4, and of IANA's registry since. */
export const ExtendedErrorCode = {
  Other: 0,
  StaleAnswer: 3,
  CachedError: 13,
  NotReady: 14,
  Filtered: 17,
  Prohibited: 18,
  StaleNameError: 19,
  NotAuthoritative: 20,
  NotSupported: 21,
  NoReachableAuthority: 22,
  NetworkError: 23,
  Synthesized: 29,
} as const;
