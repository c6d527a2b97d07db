import packet, { type Packet } from 'dns-packet';
import { ServerCookies } from '#core/dns/admission/server-cookies.js';
import type { Reply } from './dns-message.js';

/** A query with a COOKIE option, and where `name` is absent without a question (RFC 7873, 5.4). */
export function queryWithCookie(name: string | undefined, cookie: Uint8Array, type = 'A'): Uint8Array {
  return packet.encode({
    type: 'query',
    id: 4712,
    flags: packet.RECURSION_DESIRED,
    questions: name === undefined ? [] : [{ name, type, class: 'IN' }],
    additionals: [
      { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [{ code: 10, data: Buffer.from(cookie) }] },
    ],
  } as unknown as Packet);
}

/** The data of the COOKIE option in a response, if there is one. */
export function cookieIn(reply: Reply): Buffer | undefined {
  const opt = reply.additionals?.find(({ type }) => type === 'OPT') as
    { options: { code: number; data: Buffer }[] } | undefined;
  return opt?.options.find(({ code }) => code === 10)?.data;
}

/** The whole rcode of a response, its upper bits from the OPT record. */
export function rcodeOf(bytes: Uint8Array, reply: Reply): number {
  const opt = reply.additionals?.find(({ type }) => type === 'OPT') as { extendedRcode: number } | undefined;
  return ((bytes[3] ?? 0) & 0x0f) | ((opt?.extendedRcode ?? 0) << 4);
}

/** COOKIE options as askers send them: what stands in each, and what a server makes of its server cookie. */
export const COOKIE_KINDS = ['none', 'client', 'fresh', 'old', 'late', 'elsewhere', 'forged', 'malformed'] as const;
export type CookieKind = (typeof COOKIE_KINDS)[number];

/** How old the server cookie of each kind is that was once good, in milliseconds. */
const AGES: Partial<Record<CookieKind, number>> = { fresh: 1_000, old: 2_000_000, late: 4_000_000, elsewhere: 1_000 };

/**
 * The data of such an option, by a server with this secret. @param address of the asker, 4 or 16 bytes
 * @param length of what is forged, or malformed if no cookie may have it
 */
export function cookieOfKind(
  kind: CookieKind,
  secret: Uint8Array,
  address: Uint8Array,
  now: number,
  length = kind === 'malformed' ? 9 : 24,
): Uint8Array | undefined {
  if (kind === 'none') return undefined;
  const cookie = Buffer.alloc(24, 0x5a);
  if (kind === 'client') return cookie.subarray(0, 8);
  const age = AGES[kind];
  if (age === undefined) return Buffer.alloc(length, 1);
  const sender = kind === 'elsewhere' ? address.map((byte) => byte ^ 1) : address;
  new ServerCookies(secret).write(cookie, 8, cookie, 0, sender, now - age);
  return cookie;
}
