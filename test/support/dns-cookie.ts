import packet, { type Packet } from 'dns-packet';
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
