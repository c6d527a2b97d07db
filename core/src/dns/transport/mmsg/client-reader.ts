import type { DnsClient } from '../../../contracts/resolver.js';
import type { InterfaceCalls } from '../../../net/socket-address.js';
import { clientOf } from './client-of.js';

/** The words of an envelope that hold an address, without family and port, up to the end of a struct sockaddr_in6. */
const FIRST_WORD = 2;
const LAST_WORD = 7;

/** Reads who sent datagrams, and remembers the last one's address: an asker seldom comes alone. */
export class ClientReader {
  private readonly last = new Uint32Array(LAST_WORD + 1);
  private lastFamily = 0;
  private lastAddress = '';

  constructor(private readonly calls: InterfaceCalls) {}

  /** @param envelope as `DatagramBatch` copies it */
  of(envelope: Uint32Array): DnsClient {
    const head = envelope[1] as number;
    if ((head & 0xffff) !== this.lastFamily || !this.isLast(envelope)) {
      this.lastAddress = clientOf(envelope, this.calls).address;
      this.lastFamily = head & 0xffff;
      this.last.set(envelope.subarray(0, LAST_WORD + 1));
    }
    // The port stands behind the family, its higher byte first.
    return { address: this.lastAddress, port: ((head >>> 8) & 0xff00) | (head >>> 24), transport: 'udp' };
  }

  private isLast(envelope: Uint32Array): boolean {
    for (let word = FIRST_WORD; word <= LAST_WORD; word++) if (envelope[word] !== this.last[word]) return false;
    return true;
  }
}
