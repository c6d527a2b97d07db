import { folded, sum } from '../netlink/checksum.js';

/** Who asks for the MAC of an address, and for which. */
export interface Solicitation {
  /** In hexadecimal digits. */
  readonly target: string;
  readonly senderAddress: string;
  readonly senderMac: Buffer;
}

const ETHERNET = 14;
const ARP = 0x0806;
const IPV6 = 0x86dd;
const ICMPV6 = 58;
const SOLICITATION = 135;
const ADVERTISEMENT = 136;

/** Reads an ARP request (RFC 826) or a neighbour solicitation (RFC 4861, 4.3); `undefined` for everything else. */
export function readSolicitation(frame: Buffer): Solicitation | undefined {
  if (frame.length < ETHERNET + 28) return undefined;
  const type = frame.readUInt16BE(12);
  if (type === ARP) {
    // Ethernet and IPv4, with their lengths, and a request.
    if (frame.readUInt32BE(14) !== 0x0001_0800 || frame.readUInt32BE(18) !== 0x0604_0001) return undefined;
    return {
      target: frame.toString('hex', 38, 42),
      senderAddress: frame.toString('hex', 28, 32),
      senderMac: frame.subarray(22, 28),
    };
  }
  if (type !== IPV6 || frame.length < 78 || frame[20] !== ICMPV6 || frame[54] !== SOLICITATION) return undefined;
  // A hop limit of 255 shows that it is no packet from beyond the link (RFC 4861, 7.1.1).
  if (frame[21] !== 255 || frame[55] !== 0) return undefined;
  return {
    target: frame.toString('hex', 62, 78),
    senderAddress: frame.toString('hex', 22, 38),
    senderMac: frame.subarray(6, 12),
  };
}

/** Whether it is one of a machine that looks whether anybody has its own address (RFC 5227, RFC 4862), or says that it has. */
export function isOwnCheck({ target, senderAddress }: Solicitation): boolean {
  return /^0+$/.test(senderAddress) || senderAddress === target;
}

/** The answer: this MAC has the target. */
export function answerTo({ target, senderAddress, senderMac }: Solicitation, mac: Buffer): Buffer {
  return target.length === 8
    ? arpReply(target, senderAddress, senderMac, mac)
    : advertisement(target, senderAddress, senderMac, mac);
}

function arpReply(target: string, to: string, toMac: Buffer, mac: Buffer): Buffer {
  return Buffer.concat([toMac, mac, words(ARP, 1, 0x0800, 0x0604, 2), mac, hex(target), toMac, hex(to)]);
}

/** A solicited one that replaces what is known (RFC 4861, 4.4). */
function advertisement(target: string, to: string, toMac: Buffer, mac: Buffer): Buffer {
  const body = Buffer.concat([words(ADVERTISEMENT << 8, 0, 0x6000, 0), hex(target), words(0x0201), mac]);
  const addresses = Buffer.concat([hex(target), hex(to)]);
  body.writeUInt16BE(folded(sum(body, sum(addresses, ICMPV6 + body.length))), 2);
  const header = Buffer.concat([words(0x6000, 0, body.length, (ICMPV6 << 8) | 255), addresses]);
  return Buffer.concat([toMac, mac, words(IPV6), header, body]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => bytes.writeUInt16BE(value, 2 * index));
  return bytes;
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
