import { isIPv6 } from 'node:net';
import { addressBytes } from './address-bytes.js';
import { parseAddress } from './ip-address.js';

/** Words that stand for well-known networks. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  // RFC 1918, 3927, 4193 and 4291, 2.5.6: no router forwards these to the Internet.
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', 'fc00::/7', 'fe80::/10'],
  any: ['0.0.0.0/0', '::/0'],
};

/** `192.0.2.0/24`, `2001:db8::/32`, a single address, or a word: `loopback`, `private`, `any`; as ADDRESS/LENGTH. */
export function parseNetworks(text: string): readonly string[] | undefined {
  if (Object.hasOwn(WORDS, text)) return WORDS[text];
  const [, base = '', lengthText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const longest = isIPv6(address) ? 128 : 32;
  const length = lengthText === undefined ? longest : Number(lengthText);
  return length <= longest ? [`${address}/${length}`] : undefined;
}

/**
 * A set of networks: finds out whether an address lies in one of them, in few comparisons for any number of networks.
 */
export class Networks {
  private readonly ipv4: Ranges;
  private readonly ipv6: Ranges;

  /** @param networks each as ADDRESS/LENGTH @throws RangeError for an invalid one */
  constructor(networks: readonly string[]) {
    const prefixes = networks.map(parsePrefix);
    this.ipv4 = new Ranges(4, prefixes);
    this.ipv6 = new Ranges(16, prefixes);
  }

  /** Whether this address of 4 or 16 bytes lies in one of the networks; an IPv4-mapped one counts as IPv4. */
  has(address: Uint8Array): boolean {
    const offset = ipv4Offset(address);
    return offset === -1 ? this.ipv6.has(address, 0) : this.ipv4.has(address, offset);
  }

  /** Whether one network of the set contains this whole network, given as ADDRESS/LENGTH. */
  covers(network: string): boolean {
    const prefix = parsePrefix(network);
    return (prefix.address.length === 4 ? this.ipv4 : this.ipv6).covers(rangeOf(prefix));
  }
}

interface Prefix {
  readonly address: Uint8Array;
  readonly length: number;
}

function parsePrefix(text: string): Prefix {
  const [, base = '', digits = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = addressBytes(base);
  const length = Number(digits);
  if (address === undefined || length > address.length * 8) {
    throw new RangeError(`'${text}' is no network as ADDRESS/LENGTH`);
  }
  const offset = ipv4Offset(address);
  if (offset !== 12 || length < 96) return { address, length };
  return { address: address.subarray(12), length: length - 96 };
}

/** Disjoint ranges of addresses of one length, in ascending order. */
class Ranges {
  private readonly firsts: Uint8Array;
  private readonly lasts: Uint8Array;
  private readonly count: number;
  /** For each first byte of an address, whether a range has one with it: most addresses are in none. */
  private readonly begins = new Uint8Array(256);

  constructor(
    private readonly width: number,
    prefixes: readonly Prefix[],
  ) {
    const ranges = prefixes
      .filter(({ address }) => address.length === width)
      .map(rangeOf)
      .sort((one, other) => Buffer.compare(one.first, other.first) || Buffer.compare(other.last, one.last));
    // Prefixes are nested or disjoint, and of those with the same start the widest comes first.
    const apart: typeof ranges = [];
    for (const range of ranges) {
      const previous = apart.at(-1);
      if (previous === undefined || Buffer.compare(range.first, previous.last) > 0) apart.push(range);
    }
    this.firsts = Buffer.concat(apart.map(({ first }) => first));
    this.lasts = Buffer.concat(apart.map(({ last }) => last));
    this.count = apart.length;
    for (const { first, last } of apart) this.begins.fill(1, first[0], (last[0] as number) + 1);
  }

  has(address: Uint8Array, offset: number): boolean {
    return this.begins[address[offset] as number] === 1 && this.find(address, offset) !== -1;
  }

  covers({ first, last }: Range): boolean {
    const index = this.find(first, 0);
    return index !== -1 && this.compare(this.lasts, index, last, 0) >= 0;
  }

  private find(address: Uint8Array, offset: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(this.lasts, middle, address, offset) < 0) low = middle + 1;
      else high = middle;
    }
    return low < this.count && this.compare(this.firsts, low, address, offset) <= 0 ? low : -1;
  }

  private compare(bounds: Uint8Array, index: number, address: Uint8Array, offset: number): number {
    const start = index * this.width;
    for (let byte = 0; byte < this.width; byte++) {
      const difference = (bounds[start + byte] as number) - (address[offset + byte] as number);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}

interface Range {
  readonly first: Uint8Array;
  readonly last: Uint8Array;
}

function rangeOf({ address, length }: Prefix): Range {
  const mask = address.map((_, index) => (0xff00 >> Math.min(8, Math.max(0, length - index * 8))) & 0xff);
  return {
    first: address.map((byte, index) => byte & (mask[index] as number)),
    last: address.map((byte, index) => byte | (~(mask[index] as number) & 0xff)),
  };
}

/**
 * The offset of the IPv4 address in an address of 4 or 16 bytes, also in an IPv4-mapped IPv6 address (RFC 4291,
 * 2.5.5.2); -1 for any other IPv6 address.
 */
export function ipv4Offset(address: Uint8Array): 0 | 12 | -1 {
  if (address.length === 4) return 0;
  if (address[10] !== 0xff || address[11] !== 0xff) return -1;
  for (let index = 0; index < 10; index++) if (address[index] !== 0) return -1;
  return 12;
}

/** The key of a client: an IPv4 address, or an IPv6 /64, within which a machine can use any number of addresses. */
export function clientKey(address: Uint8Array): string {
  return key(address, 4, 8);
}

/** The key of a client's network: an IPv4 /24, or an IPv6 /56. Never equal to that of a client. */
export function networkKey(address: Uint8Array): string {
  return key(address, 3, 7);
}

/** Keys of the two families have different lengths, and so never collide. */
function key(address: Uint8Array, ipv4Length: number, ipv6Length: number): string {
  const offset = ipv4Offset(address);
  const part = offset === -1 ? address.subarray(0, ipv6Length) : address.subarray(offset, offset + ipv4Length);
  return String.fromCharCode(...part);
}
