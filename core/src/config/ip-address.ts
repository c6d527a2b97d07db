import { isIP, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** An IPv4 or IPv6 address in the one form by which it is compared (RFC 5952). Undefined for anything else. */
export function parseAddress(text: string): string | undefined {
  // Not ipaddr.js, which takes 127.1 and 0x7f000001 as well.
  if (isIP(text) === 0) return undefined;
  return isIPv6(text) ? ipaddr.IPv6.parse(text).toRFC5952String() : text;
}

/** One address or a list; parsed, a list without repetition. */
export function addresses(description: string) {
  const address = z.string({ error: EXPECTED }).transform((text, context): string => {
    const parsed = parseAddress(text);
    if (parsed !== undefined) return parsed;
    context.addIssue(EXPECTED);
    return z.NEVER;
  });
  return z
    .union([address, z.array(address).min(1, EXPECTED)], { error: EXPECTED })
    .transform((list) => [...new Set(typeof list === 'string' ? [list] : list)])
    .describe(description);
}

const EXPECTED = 'An IPv4 or IPv6 address expected.';
