/** The INFO-CODEs of RFC 8914, section 4, that Jitsu gives. */
export const ExtendedErrorCode = {
  Other: 0,
  NotReady: 14,
  Prohibited: 18,
  NotAuthoritative: 20,
  NotSupported: 21,
  NoReachableAuthority: 22,
  NetworkError: 23,
} as const;
