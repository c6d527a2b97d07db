/** Response codes by their names in RFC 1035, 4.1.1, and RFC 6891, 9, and RFC 7873, 8 (above 15, which need an OPT record). */
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
