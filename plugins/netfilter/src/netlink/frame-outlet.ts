import { attributeAt, attributeOf } from './attributes.js';
import { answerOfClosedPort } from './closed-port.js';
import { NetlinkError } from './netlink-error.js';
import { NetlinkSocket } from './netlink-socket.js';
import { loggedAttributesIn, loggedPacketOf, type CopyOutlet } from './packet-log.js';
import type { QueuedPacket } from './packet-queue.js';
import { repairChecksum } from './repair-checksum.js';
import { Linux, type SystemCalls } from './system-calls.js';

/** A packet that has come into a bridge. */
export interface BridgedFrame {
  readonly packet: Buffer;
  /** Both MAC addresses, the tag of its VLAN where it has one, and its type. */
  readonly header: Buffer;
  /** The number of the bridge; 0 where it is not told. */
  readonly bridge: number;
  /** The number of the device by which it came. */
  readonly port: number;
}

/** The numbers of attributes that tell where a packet came in. */
interface FrameAttributes {
  readonly input: number;
  readonly physicalInput: number;
  readonly header: number;
  readonly vlan: number;
}

/** Of logged packets (linux/netfilter/nfnetlink_log.h), and of queued ones (linux/netfilter/nfnetlink_queue.h). */
const LOGGED: FrameAttributes = { input: 4, physicalInput: 6, header: 16, vlan: 20 };
const QUEUED: FrameAttributes = { input: 5, physicalInput: 7, header: 20, vlan: 19 };

const ETHERNET = 14;
const MACS = 12;

/** Rtnetlink (linux/rtnetlink.h, linux/if_link.h). */
const NETLINK_ROUTE = 0;
const GET_LINK = 18;
const MASTER = 10;
const LINK_HEADER = 16;

/**
 * Sends frames again from the bridge that they came into, to the MAC that they were for, and answers frames in the place of
 * the machine that they were for: the bridge's own rules have no word for that everywhere, and the kernel gives nothing back
 * into a bridge.
 */
export class FrameOutlet implements CopyOutlet<BridgedFrame> {
  private constructor(
    private readonly descriptor: number,
    private readonly calls: SystemCalls,
  ) {}

  /** @throws NetlinkError without CAP_NET_RAW */
  static open(calls: SystemCalls): FrameOutlet {
    const descriptor = calls.socket(Linux.AF_PACKET, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, 0);
    if (descriptor < 0) throw new NetlinkError('open a socket for frames', calls.errorCode());
    return new FrameOutlet(descriptor, calls);
  }

  copiesIn(bytes: Buffer): Iterable<BridgedFrame> {
    return loggedFramesIn(bytes);
  }

  keep({ packet, header, bridge, port }: BridgedFrame): BridgedFrame {
    return { packet: Buffer.from(packet), header: Buffer.from(header), bridge, port };
  }

  pass(frame: BridgedFrame): void {
    repairChecksum(frame.packet);
    this.#send(frame, frame.header, frame.packet);
  }

  refuse(frame: BridgedFrame): void {
    const answer = answerOfClosedPort(frame.packet);
    if (answer === undefined) return;
    const { header } = frame;
    this.#send(frame, Buffer.concat([header.subarray(6, MACS), header.subarray(0, 6), header.subarray(MACS)]), answer);
  }

  /** What cannot be sent is lost, as a frame may be at any time. */
  #send({ bridge, port }: BridgedFrame, header: Buffer, packet: Buffer): void {
    const device = bridge === 0 ? bridgeOf(this.calls, port) : bridge;
    if (device === 0) return;
    // A struct sockaddr_ll.
    const address = Buffer.alloc(20);
    address.writeUInt16LE(Linux.AF_PACKET, 0);
    header.copy(address, 2, MACS, MACS + 2);
    address.writeInt32LE(device, 4);
    address[11] = 6;
    header.copy(address, 12, 0, 6);
    const frame = Buffer.concat([header, packet]);
    this.calls.sendto(this.descriptor, frame, frame.length, Linux.MSG_DONTWAIT, address, address.length);
  }

  [Symbol.dispose](): void {
    this.calls.close(this.descriptor);
  }
}

/** The frames in what came at once, as views of it; what is damaged, or tells no device, is left out. */
export function* loggedFramesIn(bytes: Buffer): Generator<BridgedFrame, void, undefined> {
  for (const attributes of loggedAttributesIn(bytes)) {
    const packet = loggedPacketOf(attributes);
    const frame = packet === undefined ? undefined : frameOf(packet, attributes, LOGGED);
    if (frame !== undefined) yield frame;
  }
}

/** What is told of a queued packet as a frame, as views of it. */
export function queuedFrame({ bytes, attributes }: Omit<QueuedPacket, 'id'>): BridgedFrame | undefined {
  return frameOf(bytes, attributes, QUEUED);
}

function frameOf(packet: Buffer, attributes: Buffer, names: FrameAttributes): BridgedFrame | undefined {
  const ethernet = attributeOf(attributes, names.header, ETHERNET)?.subarray(0, ETHERNET);
  const input = attributeOf(attributes, names.input, 4)?.readUInt32BE(0);
  if (ethernet === undefined || input === undefined) return undefined;
  // A kernel without br_netfilter tells the port alone.
  const physical = attributeOf(attributes, names.physicalInput, 4)?.readUInt32BE(0);
  const [bridge, port] = physical === undefined ? [0, input] : [input, physical];
  return { packet, header: taggedHeader(ethernet, attributes, names.vlan), bridge, port };
}

/** The kernel keeps the tag of a VLAN (IEEE 802.1Q) beside the frame. */
function taggedHeader(ethernet: Buffer, attributes: Buffer, vlan: number): Buffer {
  const protocol = attributeAt(attributes, [vlan, 1], 2);
  const tag = attributeAt(attributes, [vlan, 2], 2);
  if (protocol === undefined || tag === undefined) return ethernet;
  return Buffer.concat([
    ethernet.subarray(0, MACS),
    protocol.subarray(0, 2),
    tag.subarray(0, 2),
    ethernet.subarray(MACS),
  ]);
}

/** The number of the bridge to which a device belongs; 0 where it belongs to none. */
export function bridgeOf(calls: SystemCalls, port: number): number {
  using socket = NetlinkSocket.open(calls, NETLINK_ROUTE).limitWaiting();
  const header = Buffer.alloc(LINK_HEADER);
  header.writeInt32LE(port, 4);
  try {
    const answer = socket.question('find a bridge', GET_LINK, header);
    const master = attributeOf(answer.subarray(LINK_HEADER), MASTER, 4);
    return master?.readUInt32LE(0) ?? 0;
  } catch (error) {
    // It has been taken away meanwhile.
    if (error instanceof NetlinkError) return 0;
    throw error;
  }
}
