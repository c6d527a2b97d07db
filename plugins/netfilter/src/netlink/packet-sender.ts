import { NetlinkError } from './netlink-error.js';
import { repairChecksum } from './repair-checksum.js';
import { Linux, type SystemCalls } from './system-calls.js';

/** Sends whole IP packets, as if they came from their own senders (raw(7); it takes CAP_NET_RAW). */
export class PacketSender implements Disposable {
  #mark = 0;

  private constructor(
    private readonly ipv4: number,
    private readonly ipv6: number,
    private readonly calls: SystemCalls,
  ) {}

  /** @throws NetlinkError */
  static open(calls: SystemCalls): PacketSender {
    const open = (family: number): number => {
      return calls.socket(family, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, Linux.IPPROTO_RAW);
    };
    const ipv4 = open(Linux.AF_INET);
    if (ipv4 < 0) throw new NetlinkError('open a socket for whole packets', calls.errorCode());
    // A kernel without IPv6 has no packets of it either.
    return new PacketSender(ipv4, open(Linux.AF_INET6), calls);
  }

  /** What cannot be sent is lost, as a packet may be at any time. The packet's checksum is written anew. */
  send(packet: Buffer, mark: number): void {
    const isIpv4 = packet.length >= 20 && (packet[0] as number) >> 4 === 4;
    if (!isIpv4 && packet.length < 40) return;
    repairChecksum(packet);
    this.#setMark(mark);
    const address = Buffer.alloc(isIpv4 ? 16 : 28);
    address.writeUInt16LE(isIpv4 ? Linux.AF_INET : Linux.AF_INET6, 0);
    if (isIpv4) packet.copy(address, 4, 16, 20);
    else packet.copy(address, 8, 24, 40);
    const descriptor = isIpv4 ? this.ipv4 : this.ipv6;
    this.calls.sendto(descriptor, packet, packet.length, Linux.MSG_DONTWAIT, address, address.length);
  }

  #setMark(mark: number): void {
    if (mark === this.#mark) return;
    this.#mark = mark;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(mark);
    for (const descriptor of [this.ipv4, this.ipv6]) {
      if (descriptor >= 0) this.calls.setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_MARK, bytes, bytes.length);
    }
  }

  [Symbol.dispose](): void {
    this.calls.close(this.ipv4);
    if (this.ipv6 >= 0) this.calls.close(this.ipv6);
  }
}
