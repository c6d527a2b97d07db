import { networkInterfaces } from 'node:os';
import { readAddress } from './read-address.js';

/** An address and a port behind which a service is. */
export interface Endpoint {
  /** In hexadecimal digits: 8 for IPv4, 32 for IPv6. */
  readonly address: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** One behind which nothing runs, or soon nothing runs. */
export interface StoppedEndpoint {
  /** Its key in a set. */
  readonly key: string;
  /** What becomes of packets of connections that are open: they pass, or are given to the listener like first ones. */
  readonly connections: 'pass' | 'drain' | 'hold' | 'refuse';
  /** The MAC of its machine in hexadecimal digits, where it is known. */
  readonly mac?: string | undefined;
}

const IPV6_LOOPBACK = '\0'.repeat(15) + '\x01';

/** Protocol numbers of IP (IANA). */
export const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** The endpoint as a key of a set: address, protocol and port, each in whole words of 4 bytes; a byte in each character. */
export function endpointKey({ address, protocol, port }: Endpoint): string {
  return addressKey(address) + serviceKey(protocol, port);
}

/** What follows the address in such a key. */
export function serviceKey(protocol: 'tcp' | 'udp', port: number): string {
  return String.fromCharCode(PROTOCOLS[protocol], 0, 0, 0, port >> 8, port & 0xff, 0, 0);
}

/** The endpoint of such a key. */
export function endpointOf(key: string): Endpoint {
  const at = addressLength(key);
  return {
    address: Buffer.from(addressOf(key), 'latin1').toString('hex'),
    protocol: key.charCodeAt(at) === PROTOCOLS.tcp ? 'tcp' : 'udp',
    port: (key.charCodeAt(at + 4) << 8) | key.charCodeAt(at + 5),
  };
}

/** Whether such a key is one of TCP. */
export function isTcp(key: string): boolean {
  return key.charCodeAt(addressLength(key)) === PROTOCOLS.tcp;
}

/** Whether such a key is one of IPv4. */
export function isIpv4(key: string): boolean {
  return addressLength(key) === 4;
}

/** The address of such a key, with a byte in each character. */
export function addressOf(key: string): string {
  return key.slice(0, addressLength(key));
}

function addressLength(key: string): number {
  return key.length - 8;
}

/** An address alone as a key of a set; a byte in each character. @throws RangeError */
export function addressKey(address: string): string {
  const bytes = Buffer.from(address, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new RangeError(`'${address}' is no address in hexadecimal digits`);
  return bytes.toString('latin1');
}

/** The addresses of this host's own: packets to them are not forwarded unless they are published. */
export class OwnAddresses {
  readonly #all = new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((each) => readAddress(each?.address.replace(/%.*/, '') ?? '')),
  );

  /** @param address with a byte in each character */
  has(address: string): boolean {
    return isLoopback(address) || this.#all.has(address);
  }
}

/** Whether nobody else can reach it. @param address with a byte in each character */
export function isLoopback(address: string): boolean {
  return address.length === 4 ? address.charCodeAt(0) === 127 : address === IPV6_LOOPBACK;
}

/** The name of the set of this kind that has addresses of this version. */
export function setFor(kind: string, { address }: Pick<Endpoint, 'address'>): string {
  return `${kind}${address.length === 8 ? 4 : 6}`;
}
