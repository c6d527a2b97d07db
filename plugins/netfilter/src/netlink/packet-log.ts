import { attribute, attributeOf, be32, wordAttribute } from './attributes.js';
import { NetlinkError } from './netlink-error.js';
import { messagesIn, netfilterHeader, NETFILTER_HEADER } from './netlink-message.js';
import { NetlinkSocket } from './netlink-socket.js';
import type { PacketHolder } from './packet-holder.js';
import { PacketReader } from './packet-reader.js';
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

/** What becomes of copies that are let go. `Copy` is a packet with what else is known of it. */
export interface CopyOutlet<Copy extends { readonly packet: Buffer }> extends Disposable {
  /** The copies in what came at once: views of it. */
  copiesIn(bytes: Buffer): Iterable<Copy>;
  /** The same in memory of its own. */
  keep(copy: Copy): Copy;
  pass(copy: Copy): void;
  refuse(copy: Copy): void;
}

/** Holds copies of packets that the rules have dropped, and sends them again. */
export class PacketLog<Copy extends { readonly packet: Buffer }> implements PacketHolder {
  readonly #held = new Map<number, Copy>();
  #bytes = 0;
  #next = 0;
  #reader: PacketReader | undefined;
  #isClosed = false;

  private constructor(
    readonly group: number,
    private readonly socket: NetlinkSocket,
    private readonly outlet: CopyOutlet<Copy>,
    private readonly calls: SystemCalls,
  ) {}

  /** Takes the first group that is free. @param outlet is disposed with it @throws NetlinkError */
  static open<Copy extends { readonly packet: Buffer }>(
    calls: SystemCalls,
    instance: number,
    outlet: CopyOutlet<Copy>,
  ): PacketLog<Copy> {
    const socket = NetlinkSocket.open(calls);
    try {
      for (let tried = 0; tried < MOST_TRIED; tried++) {
        const group = 1_024 + ((instance + tried) % (GROUPS - 1_024));
        if (!bind(socket, group)) continue;
        const mode = Buffer.concat([be32(LONGEST_COPY), Uint8Array.of(COPY_PACKET, 0)]);
        // One packet in each message, and at once.
        const parts = [netfilterHeader(0, group), attribute(2, mode), wordAttribute(5, 1)];
        socket.request('set up a group of logging', CONFIG, ...parts);
        return new PacketLog(group, socket, outlet, calls);
      }
      throw new NetlinkError('take a group of logging', 'EBUSY', 'all that were tried belong to others');
    } catch (error) {
      socket[Symbol.dispose]();
      outlet[Symbol.dispose]();
      throw error;
    }
  }

  start(taken: (packet: number, bytes: Buffer) => void, failed: (reason: string) => void): void {
    const take = (bytes: Buffer): void => {
      for (const copy of this.outlet.copiesIn(bytes)) this.#take(copy, taken);
    };
    this.#reader = new PacketReader(this.socket.descriptor, this.calls, take, (code) => {
      failed(`logging group ${this.group} cannot be read: ${code}`);
    });
  }

  #take(copy: Copy, taken: (packet: number, bytes: Buffer) => void): void {
    const { length } = copy.packet;
    // It is sent again by its sender.
    if (this.#held.size >= MOST_HELD || this.#bytes + length > MOST_BYTES) return;
    const kept = this.outlet.keep(copy);
    this.#next = (this.#next + 1) >>> 0;
    this.#held.set(this.#next, kept);
    this.#bytes += length;
    taken(this.#next, kept.packet);
  }

  accept(packets: readonly number[]): void {
    for (const each of this.#forget(packets)) this.outlet.pass(each);
  }

  refuse(packets: readonly number[]): void {
    for (const each of this.#forget(packets)) this.outlet.refuse(each);
  }

  drop(packets: readonly number[]): void {
    this.#forget(packets);
  }

  #forget(packets: readonly number[]): Copy[] {
    return packets.flatMap((packet) => {
      const copy = this.#held.get(packet);
      if (copy === undefined) return [];
      this.#held.delete(packet);
      this.#bytes -= copy.packet.length;
      return [copy];
    });
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#held.clear();
    if (this.#reader === undefined) this.socket[Symbol.dispose]();
    else this.#reader[Symbol.dispose]();
    this.outlet[Symbol.dispose]();
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

/** The attributes of each packet in what came at once; what is damaged is left out. */
export function* loggedAttributesIn(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type === PACKET && body.length >= NETFILTER_HEADER) yield body.subarray(NETFILTER_HEADER);
  }
}

/** The packet in these attributes; `undefined` where none is, or it is too short for one. */
export function loggedPacketOf(attributes: Buffer): Buffer | undefined {
  return attributeOf(attributes, 9, 20);
}
