import { networkInterfaces } from 'node:os';

/** An address and a port behind which a service is. */
export interface Endpoint {
  /** In hexadecimal digits: 8 for IPv4, 32 for IPv6. */
  readonly address: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** One behind which nothing runs, or soon nothing runs. */
export interface StoppedEndpoint extends Endpoint {
  /** What becomes of packets of connections that are open: they pass, or are given to the listener like first ones. */
  readonly connections: 'pass' | 'hold' | 'refuse';
  /** The MAC of its machine in hexadecimal digits, where it is known. */
  readonly mac?: string | undefined;
}

/** Protocol numbers of IP (IANA). */
export const PROTOCOLS = { tcp: 6, udp: 17 } as const;

/** The endpoint as a key of a set: address, protocol and port, each in whole words of 4 bytes; a byte in each character. */
export function endpointKey({ address, protocol, port }: Endpoint): string {
  return addressKey(address) + String.fromCharCode(PROTOCOLS[protocol], 0, 0, 0, port >> 8, port & 0xff, 0, 0);
}

/** An address alone as a key of a set; a byte in each character. @throws RangeError */
export function addressKey(address: string): string {
  const bytes = Buffer.from(address, 'hex');
  if (bytes.length !== 4 && bytes.length !== 16)
    throw new RangeError(`'${address}' is no address in hexadecimal digits`);
  return bytes.toString('latin1');
}

/** The addresses of this host's own, in hexadecimal digits: packets to them are not forwarded unless they are published. */
export class OwnAddresses {
  readonly #all = new Set(
    Object.values(networkInterfaces())
      .flat()
      .map((each) => hexDigits(each?.address ?? '')),
  );

  has(address: string): boolean {
    return isLoopback(address) || this.#all.has(address);
  }
}

/** Whether nobody else can reach it. @param address in hexadecimal digits */
export function isLoopback(address: string): boolean {
  return address.length === 8 ? address.startsWith('7f') : /^0{31}1$/.test(address);
}

/** The hexadecimal digits of an address as the system writes it; empty for what is none. */
export function hexDigits(address: string): string {
  const plain = address.replace(/%.*/, '');
  if (/^\d+(\.\d+){3}$/.test(plain)) return Buffer.from(plain.split('.').map(Number)).toString('hex');
  if (!plain.includes(':')) return '';
  const [before = '', behind] = plain.split('::');
  const groups = (text: string): string[] =>
    text
      .split(':')
      .filter((group) => group !== '')
      .flatMap((group) => (group.includes('.') ? (hexDigits(group).match(/.{4}/g) ?? []) : [group.padStart(4, '0')]));
  const first = groups(before);
  const last = groups(behind ?? '');
  return [...first, ...Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0000'), ...last].join('');
}

/** The name of the set of this kind that has addresses of this version. */
export function setFor(kind: string, { address }: Pick<Endpoint, 'address'>): string {
  return `${kind}${address.length === 8 ? 4 : 6}`;
}
