import { attribute, attributeOf, be32, wordAttribute } from './attributes.js';
import { NetlinkError } from './netlink-error.js';
import { messagesIn, netfilterHeader, NETFILTER_HEADER } from './netlink-message.js';
import { NetlinkSocket } from './netlink-socket.js';
import type { PacketHolder } from './packet-holder.js';
import { PacketReader } from './packet-reader.js';
import { PacketSender } from './packet-sender.js';
import type { SystemCalls } from './system-calls.js';

/** NFLOG (linux/netfilter/nfnetlink_log.h). */
const LOG = 4;
const PACKET = (LOG << 8) | 0;
const CONFIG = (LOG << 8) | 1;

const BIND = 1;
const COPY_PACKET = 2;

/** The longest packet that is copied as a whole, in bytes. */
export const LONGEST_COPY = 65_535;

/** What may be held: the kernel has no copy of its own. */
const MOST_HELD = 16_384;
const MOST_BYTES = 64 * 1_024 * 1_024;

const MOST_TRIED = 256;
const GROUPS = 65_536;

/** Holds copies of packets that the rules have dropped, and sends them again. */
export class PacketLog implements PacketHolder {
  readonly #held = new Map<number, Buffer>();
  #bytes = 0;
  #next = 0;
  #reader: PacketReader | undefined;
  #isClosed = false;

  private constructor(
    readonly group: number,
    private readonly socket: NetlinkSocket,
    private readonly sender: PacketSender,
    private readonly calls: SystemCalls,
    private readonly marks: { readonly pass: number; readonly refuse: number },
  ) {}

  /** Takes the first group that is free. @throws NetlinkError, also without the right to send packets (CAP_NET_RAW) */
  static open(
    calls: SystemCalls,
    instance: number,
    marks: { readonly pass: number; readonly refuse: number },
  ): PacketLog {
    const sender = PacketSender.open(calls);
    const socket = NetlinkSocket.open(calls);
    try {
      for (let tried = 0; tried < MOST_TRIED; tried++) {
        const group = 1_024 + ((instance + tried) % (GROUPS - 1_024));
        if (!bind(socket, group)) continue;
        const mode = Buffer.concat([be32(LONGEST_COPY), Uint8Array.of(COPY_PACKET, 0)]);
        // One packet in each message, and at once.
        const parts = [netfilterHeader(0, group), attribute(2, mode), wordAttribute(5, 1)];
        socket.request('set up a group of logging', CONFIG, ...parts);
        return new PacketLog(group, socket, sender, calls, marks);
      }
      throw new NetlinkError('take a group of logging', 'EBUSY', 'all that were tried belong to others');
    } catch (error) {
      socket[Symbol.dispose]();
      sender[Symbol.dispose]();
      throw error;
    }
  }

  start(taken: (packet: number, bytes: Buffer) => void, failed: (reason: string) => void): void {
    const take = (bytes: Buffer): void => {
      for (const packet of loggedPacketsIn(bytes)) this.#take(packet, taken);
    };
    this.#reader = new PacketReader(this.socket.descriptor, this.calls, take, (code) => {
      failed(`logging group ${this.group} cannot be read: ${code}`);
    });
  }

  #take(packet: Buffer, taken: (packet: number, bytes: Buffer) => void): void {
    // It is sent again by its sender.
    if (this.#held.size >= MOST_HELD || this.#bytes + packet.length > MOST_BYTES) return;
    const copy = Buffer.from(packet);
    this.#next = (this.#next + 1) >>> 0;
    this.#held.set(this.#next, copy);
    this.#bytes += copy.length;
    taken(this.#next, copy);
  }

  accept(packets: readonly number[]): void {
    for (const each of this.#forget(packets)) this.sender.send(each, this.marks.pass);
  }

  refuse(packets: readonly number[]): void {
    for (const each of this.#forget(packets)) this.sender.send(each, this.marks.refuse);
  }

  drop(packets: readonly number[]): void {
    this.#forget(packets);
  }

  #forget(packets: readonly number[]): Buffer[] {
    return packets.flatMap((packet) => {
      const bytes = this.#held.get(packet);
      if (bytes === undefined) return [];
      this.#held.delete(packet);
      this.#bytes -= bytes.length;
      return [bytes];
    });
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#held.clear();
    if (this.#reader === undefined) this.socket[Symbol.dispose]();
    else this.#reader[Symbol.dispose]();
    this.sender[Symbol.dispose]();
  }
}

/** @returns whether it was free */
function bind(socket: NetlinkSocket, group: number): boolean {
  try {
    const command = attribute(1, Uint8Array.of(BIND));
    socket.request('take a group of logging', CONFIG, netfilterHeader(0, group), command);
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && (error.code === 'EPERM' || error.code === 'EBUSY')) return false;
    throw error;
  }
}

/** The packets in what came at once; what is damaged is left out. */
export function* loggedPacketsIn(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== PACKET || body.length < NETFILTER_HEADER) continue;
    const payload = attributeOf(body.subarray(NETFILTER_HEADER), 9, 20);
    if (payload !== undefined) yield payload;
  }
}
