import { attribute, attributeOf, be32, wordAttribute } from './attributes.js';
import { NetlinkError } from './netlink-error.js';
import { message, messagesIn, Netlink, netfilterHeader, NETFILTER_HEADER } from './netlink-message.js';
import { NetlinkSocket } from './netlink-socket.js';
import type { PacketHolder } from './packet-holder.js';
import { PacketReader } from './packet-reader.js';
import type { SystemCalls } from './system-calls.js';

/** NFQUEUE (linux/netfilter/nfnetlink_queue.h). */
const QUEUE = 3;
const PACKET = (QUEUE << 8) | 0;
const VERDICT = (QUEUE << 8) | 1;
const CONFIG = (QUEUE << 8) | 2;

const BIND = 1;
const COPY_PACKET = 2;

/** What may be held in the kernel; what comes above it is dropped. */
const MOST_HELD = 16_384;

/** Enough for all headers that are looked at, in bytes. */
const COPIED = 128;

const DROP = 0;
const ACCEPT = 1;
/** It goes through the same rules again. */
const REPEAT = 4;

/** How many queues are tried: others of this host have some, too. */
const MOST_TRIED = 256;
const QUEUES = 65_536;

/** A packet that waits in a queue. */
export interface QueuedPacket {
  readonly id: number;
  /** The first bytes from its IP header on: a view of the memory that it came in. */
  readonly bytes: Buffer;
  /** All that is told of it: a view as well. */
  readonly attributes: Buffer;
}

/** Holds packets in a queue of the kernel, which has them until a verdict comes. */
export class PacketQueue implements PacketHolder {
  #reader: PacketReader | undefined;
  #isClosed = false;

  private constructor(
    readonly number: number,
    private readonly socket: NetlinkSocket,
    private readonly calls: SystemCalls,
    private readonly refusalMark: number,
  ) {}

  /**
   * Takes the first queue that is free, beginning with one that follows from the instance.
   * @throws NetlinkError
   */
  static open(calls: SystemCalls, instance: number, refusalMark: number): PacketQueue {
    const socket = NetlinkSocket.open(calls);
    try {
      for (let tried = 0; tried < MOST_TRIED; tried++) {
        // Low numbers are what people choose.
        const number = 1_024 + ((instance + tried) % (QUEUES - 1_024));
        if (!bind(socket, number)) continue;
        const parameters = Buffer.concat([be32(COPIED), Uint8Array.of(COPY_PACKET)]);
        socket.request(
          'set up a queue',
          CONFIG,
          ...[netfilterHeader(0, number), attribute(2, parameters), wordAttribute(3, MOST_HELD)],
        );
        return new PacketQueue(number, socket, calls, refusalMark);
      }
      throw new NetlinkError('take a queue', 'EPERM', 'all that were tried belong to others');
    } catch (error) {
      socket[Symbol.dispose]();
      throw error;
    }
  }

  start(taken: (packet: number, bytes: Buffer, attributes: Buffer) => void, failed: (reason: string) => void): void {
    const take = (bytes: Buffer): void => {
      for (const packet of queuedPacketsIn(bytes)) taken(packet.id, packet.bytes, packet.attributes);
    };
    this.#reader = new PacketReader(this.socket.descriptor, this.calls, take, (code) => {
      failed(`queue ${this.number} cannot be read: ${code}`);
    });
  }

  accept(packets: readonly number[]): void {
    for (const packet of packets) this.#say(packet, ACCEPT);
  }

  refuse(packets: readonly number[]): void {
    for (const packet of packets) this.#say(packet, REPEAT, wordAttribute(3, this.refusalMark));
  }

  drop(packets: readonly number[]): void {
    for (const packet of packets) this.#say(packet, DROP);
  }

  #say(packet: number, verdict: number, ...more: readonly Uint8Array[]): void {
    // The kernel has dropped all that it had.
    if (this.#isClosed) return;
    const bytes = message(
      VERDICT,
      Netlink.REQUEST,
      0,
      ...[netfilterHeader(0, this.number), attribute(2, Buffer.concat([be32(verdict), be32(packet)])), ...more],
    );
    this.socket.write('say what becomes of a packet', bytes);
  }

  /** Gives up the queue: the kernel drops what it still has. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#reader === undefined) this.socket[Symbol.dispose]();
    else this.#reader[Symbol.dispose]();
  }
}

/** @returns whether it was free */
function bind(socket: NetlinkSocket, number: number): boolean {
  const command = Uint8Array.of(BIND, 0, 0, 0);
  try {
    socket.request('take a queue', CONFIG, netfilterHeader(0, number), attribute(1, command));
    return true;
  } catch (error) {
    // Without the right to have a queue the table would have been refused before.
    if (error instanceof NetlinkError && (error.code === 'EPERM' || error.code === 'EBUSY')) return false;
    throw error;
  }
}

/** The packets in what came at once; what is damaged is left out. */
export function* queuedPacketsIn(bytes: Buffer): Generator<QueuedPacket, void, undefined> {
  for (const { type, body } of messagesIn(bytes)) {
    if (type !== PACKET || body.length < NETFILTER_HEADER) continue;
    const attributes = body.subarray(NETFILTER_HEADER);
    const header = attributeOf(attributes, 1, 7);
    if (header === undefined) continue;
    yield { id: header.readUInt32BE(0), bytes: attributeOf(attributes, 10) ?? Buffer.alloc(0), attributes };
  }
}
