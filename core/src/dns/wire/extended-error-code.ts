/** The INFO-CODEs of RFC 8914, section 4, and of IANA's registry since, that Jitsu gives. */
export const ExtendedErrorCode = {
  Other: 0,
  StaleAnswer: 3,
  CachedError: 13,
  NotReady: 14,
  Prohibited: 18,
  StaleNameError: 19,
  NotAuthoritative: 20,
  NotSupported: 21,
  NoReachableAuthority: 22,
  NetworkError: 23,
  Synthesized: 29,
} as const;
