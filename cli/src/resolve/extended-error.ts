import type { OptAnswer } from 'dns-packet';

/** An Extended DNS Error (RFC 8914). */
export interface ExtendedError {
  readonly code: number;
  /** The meaning of the code; `undefined` for an unregistered one. */
  readonly meaning?: string;
  /** The server's extra text; may be empty. */
  readonly text: string;
}

const EXTENDED_ERROR = 15;

/** The meanings of the registered codes, by code (RFC 8914, 4). */
const meanings: readonly string[] = [
  'Other',
  'Unsupported DNSKEY Algorithm',
  'Unsupported DS Digest Type',
  'Stale Answer',
  'Forged Answer',
  'DNSSEC Indeterminate',
  'DNSSEC Bogus',
  'Signature Expired',
  'Signature Not Yet Valid',
  'DNSKEY Missing',
  'RRSIGs Missing',
  'No Zone Key Bit Set',
  'NSEC Missing',
  'Cached Error',
  'Not Ready',
  'Blocked',
  'Censored',
  'Filtered',
  'Prohibited',
  'Stale NXDomain Answer',
  'Not Authoritative',
  'Not Supported',
  'No Reachable Authority',
  'Network Error',
  'Invalid Data',
];

/** The Extended DNS Errors of an OPT record. */
export function extendedErrors({ options }: OptAnswer): readonly ExtendedError[] {
  return options.flatMap((option) => {
    const { code: kind, data } = option as { readonly code: number; readonly data?: Uint8Array };
    if (kind !== EXTENDED_ERROR || data === undefined || data.length < 2) return [];
    const code = Buffer.from(data).readUInt16BE(0);
    const meaning = meanings[code];
    const text = Buffer.from(data.subarray(2)).toString('utf8');
    return [{ code, text, ...(meaning !== undefined && { meaning }) }];
  });
}
