import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { Linux } from './linux.js';
import { numericLookup } from './numeric-lookup.js';
import { plainAddress } from './own-address.js';
import type { SocketCalls } from './socket-calls.js';

/** Echo request and echo reply of ICMP (RFC 792) and of ICMPv6 (RFC 4443). */
const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** Type, code, checksum and identifier, which the kernel sets, and a sequence number. */
const REQUEST_LENGTH = 8;

/** Node has no word for a datagram without a port. */
const ANY_PORT = 1;

/**
 * Asks an address for an echo by a socket that takes no privileges (icmp(7)): the kernel gives it an identifier of its
 * own, and only the replies to that.
 */
export class EchoSocket implements Disposable {
  readonly #request: Buffer;

  private constructor(
    private readonly address: string,
    private readonly socket: Socket,
    { request, reply }: (typeof TYPES)[4 | 6],
    answered: () => void,
  ) {
    this.#request = Buffer.alloc(REQUEST_LENGTH);
    this.#request[0] = request;
    const plain = plainAddress(address);
    socket.on('message', (message, from) => {
      if (message[0] === reply && plainAddress(from.address) === plain) answered();
    });
    // There is no way to the address yet.
    socket.on('error', () => undefined);
  }

  /**
   * `undefined` where the system does not let this process have such a socket (net.ipv4.ping_group_range).
   * @param answered called for each reply of the address
   */
  static open(address: string, calls: SocketCalls, answered: () => void): EchoSocket | undefined {
    const version = isIPv6(address) ? 6 : 4;
    const [family, protocol] =
      version === 6 ? [Linux.AF_INET6, Linux.IPPROTO_ICMPV6] : [Linux.AF_INET, Linux.IPPROTO_ICMP];
    const type = Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK;
    const descriptor = calls.socket(family, type, protocol);
    if (descriptor < 0) return undefined;
    const socket = createSocket({ type: version === 6 ? 'udp6' : 'udp4', lookup: numericLookup(version) });
    const echo = new EchoSocket(address, socket, TYPES[version], answered);
    socket.bind({ fd: descriptor });
    return echo;
  }

  send(): void {
    // What cannot be sent now may be sent later.
    this.socket.send(this.#request, ANY_PORT, this.address, () => undefined);
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }
}
