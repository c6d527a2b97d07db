import { Linux } from './linux.js';
import type { Pointer, SocketCalls } from './socket-calls.js';

/** The largest number of datagrams per call. */
export const BATCH_SIZE = 64;

/** The longest possible datagram, in bytes: its length has 16 bits. Untouched memory for it costs nothing. */
export const LONGEST_DATAGRAM = 65_536;

/** Sizes in bytes, of 64-bit Linux: struct mmsghdr and struct iovec. */
const HEADER = 64;
const VECTOR = 16;

/**
 * The room for an address and the control message behind it, in bytes: struct sockaddr_in6, struct cmsghdr with struct
 * in6_pktinfo.
 */
const NAME = 32;
const CONTROL = 40;
const ENVELOPE = NAME + CONTROL;

/** The length of a copied envelope, in 32-bit words: the first word is 1 where our own address is known. */
export const ENVELOPE_WORDS = 1 + ENVELOPE / 4;

/** Keeps large payload buffers from being mapped to the same lines of the processor's caches. */
const CACHE_LINE = 64;

/** The offsets of members in a struct mmsghdr, in 32-bit words. */
const NAME_LENGTH = 2;
const CONTROL_LENGTH = 10;
const RECEIVED_LENGTH = 14;

/** What a socket's datagrams have in common. */
export interface DatagramKind {
  readonly family: 4 | 6;
  /** Whether each datagram comes with our address that it was sent to, so that the reply is sent from there. */
  readonly tellsDestination: boolean;
}

/**
 * The memory of up to 64 datagrams that the kernel reads and writes, each with an envelope: the other side's address,
 * and our own if it is known. All of it is one block that never moves and lives as long as this object. Every pointer
 * in it is written here, once, and no method takes one: only lengths and contents change.
 */
export class DatagramBatch {
  /** The address of the headers, for recvmmsg and sendmmsg. */
  readonly headers: Pointer;
  /** The payload buffers, in full length. */
  readonly payloads: readonly Uint8Array[];
  /** The addresses of the other sides, 4 or 16 bytes each. */
  readonly senders: readonly Uint8Array[];
  readonly nameLength: number;
  readonly controlLength: number;
  private readonly words: Uint32Array;
  private readonly envelopeWords: number;
  private readonly vectorsAt = BATCH_SIZE * HEADER;
  private readonly envelopesAt = this.vectorsAt + BATCH_SIZE * VECTOR;

  /** @param room the size of a payload buffer, in bytes, a multiple of 8 */
  constructor(
    addressOf: (memory: Uint8Array) => Pointer,
    readonly kind: DatagramKind,
    private readonly room: number,
  ) {
    this.nameLength = kind.family === 4 ? 16 : 28;
    this.controlLength = !kind.tellsDestination ? 0 : kind.family === 4 ? 32 : 40;
    this.envelopeWords = (this.controlLength === 0 ? NAME : ENVELOPE) / 4;
    const payloadsAt = this.envelopesAt + BATCH_SIZE * ENVELOPE;
    const stride = room + CACHE_LINE;
    const memory = new ArrayBuffer(payloadsAt + BATCH_SIZE * stride);
    this.words = new Uint32Array(memory, 0, payloadsAt / 4);
    this.headers = addressOf(new Uint8Array(memory));
    this.payloads = Array.from(
      { length: BATCH_SIZE },
      (_, index) => new Uint8Array(memory, payloadsAt + index * stride, room),
    );
    // In struct sockaddr_in, the address follows family and port; in sockaddr_in6, the flow label as well.
    const [addressAt, addressLength] = kind.family === 4 ? [4, 4] : [8, 16];
    this.senders = Array.from(
      { length: BATCH_SIZE },
      (_, index) => new Uint8Array(memory, this.envelopesAt + index * ENVELOPE + addressAt, addressLength),
    );
    const at = (offset: number): Pointer => this.headers + BigInt(offset);
    const pointers = new BigUint64Array(memory, 0, this.envelopesAt / 8);
    for (let index = 0; index < BATCH_SIZE; index++) {
      const header = (index * HEADER) / 8;
      const vectorAt = this.vectorsAt + index * VECTOR;
      const envelopeAt = this.envelopesAt + index * ENVELOPE;
      pointers[header] = at(envelopeAt);
      pointers[header + 2] = at(vectorAt);
      pointers[header + 3] = 1n;
      pointers[header + 4] = at(envelopeAt + NAME);
      pointers[vectorAt / 8] = at(payloadsAt + index * stride);
      pointers[vectorAt / 8 + 1] = BigInt(room);
    }
    this.expect(BATCH_SIZE);
  }

  /** The address of the headers from this one on. */
  headersFrom(index: number): Pointer {
    return index === 0 ? this.headers : this.headers + BigInt(index * HEADER);
  }

  /** Prepares the first `count` datagrams for receiving. */
  expect(count: number): void {
    for (let index = 0; index < count; index++) {
      this.setHeader(index, NAME_LENGTH, this.nameLength);
      this.setHeader(index, CONTROL_LENGTH, this.controlLength);
    }
  }

  /** The length of a received payload, in bytes. */
  lengthOf(index: number): number {
    return this.words[(index * HEADER) / 4 + RECEIVED_LENGTH] as number;
  }

  /** The port of the other side; 0 cannot be answered. */
  portOf(index: number): number {
    const word = this.words[this.envelopeWord(index)] as number;
    return ((word >>> 8) & 0xff00) | (word >>> 24);
  }

  /** Addresses a payload of this length, written into its buffer, to the sender of a datagram of another batch. */
  reply(index: number, length: number, to: DatagramBatch, toIndex: number): void {
    const from = to.envelopeWord(toIndex);
    const into = this.envelopeWord(index);
    for (let word = 0; word < this.envelopeWords; word++) this.words[into + word] = to.words[from + word] as number;
    this.address(index, length, to.tellsDestinationOf(toIndex));
  }

  /** The same with a copied envelope. */
  replyTo(index: number, length: number, envelope: Uint32Array): void {
    const into = this.envelopeWord(index);
    for (let word = 0; word < this.envelopeWords; word++) this.words[into + word] = envelope[word + 1] as number;
    this.address(index, length, envelope[0] === 1);
  }

  /** Addresses a payload of this length, written into its buffer, to the peer of a connected socket. */
  toPeer(index: number, length: number): void {
    if (length > this.room) throw new RangeError(`a payload of ${length} bytes has no room`);
    this.setHeader(index, NAME_LENGTH, 0);
    this.setHeader(index, CONTROL_LENGTH, 0);
    this.words[(this.vectorsAt + index * VECTOR) / 4 + 2] = length;
  }

  /** @param into a buffer with {@link ENVELOPE_WORDS} words of room from `start` on */
  copyEnvelope(index: number, into: Uint32Array, start = 0): void {
    const at = this.envelopeWord(index);
    into[start] = this.tellsDestinationOf(index) ? 1 : 0;
    for (let word = 0; word < ENVELOPE / 4; word++) into[start + 1 + word] = this.words[at + word] as number;
  }

  private address(index: number, length: number, tellsDestination: boolean): void {
    if (length > this.room) throw new RangeError(`a payload of ${length} bytes has no room`);
    const sourceGiven = tellsDestination && this.turnDestinationIntoSource(index);
    this.setHeader(index, NAME_LENGTH, this.nameLength);
    this.setHeader(index, CONTROL_LENGTH, sourceGiven ? this.controlLength : 0);
    this.words[(this.vectorsAt + index * VECTOR) / 4 + 2] = length;
  }

  /** Whether the control message is complete. */
  private tellsDestinationOf(index: number): boolean {
    return this.controlLength > 0 && this.words[(index * HEADER) / 4 + CONTROL_LENGTH] === this.controlLength;
  }

  /** Leaves the route of a reply to the kernel, unless the address is only valid with its interface. */
  private turnDestinationIntoSource(index: number): boolean {
    const data = this.envelopeWord(index) + (NAME + 16) / 4;
    if (this.kind.family === 4) {
      // struct in_pktinfo: the interface, our address to reply from, the original destination.
      this.words[data] = 0;
      return true;
    }
    // struct in6_pktinfo: the destination, the interface.
    const first = this.words[data] as number;
    const isMulticast = (first & 0xff) === 0xff;
    const isLinkLocal = (first & 0xc0ff) === 0x80fe;
    if (!isLinkLocal) this.words[data + 4] = 0;
    return !isMulticast;
  }

  private envelopeWord(index: number): number {
    return (this.envelopesAt + index * ENVELOPE) / 4;
  }

  private setHeader(index: number, word: number, value: number): void {
    this.words[(index * HEADER) / 4 + word] = value;
  }
}

/** The socket option that asks for the control message. */
export function destinationOption({ family }: DatagramKind): { readonly level: number; readonly name: number } {
  return family === 4
    ? { level: Linux.IPPROTO_IP, name: Linux.IP_PKTINFO }
    : { level: Linux.IPPROTO_IPV6, name: Linux.IPV6_RECVPKTINFO };
}

/** The number of datagrams that could not be sent, and the code of the last error. */
interface Unsent {
  count: number;
  code: string;
}

/**
 * Sends the first `count` datagrams of a batch. A datagram that cannot be sent does not stop those behind it, unless
 * there is no room for any.
 */
export function sendBatch(
  calls: SocketCalls,
  descriptor: number,
  batch: DatagramBatch,
  count: number,
  flags: number,
): Unsent | undefined {
  let unsent: Unsent | undefined;
  for (let first = 0; first < count;) {
    const sent = calls.sendmmsg(descriptor, batch.headersFrom(first), count - first, flags);
    if (sent > 0) {
      first += sent;
      continue;
    }
    const code = calls.errorCode();
    if (code === 'EINTR') continue;
    const lost = code === 'EAGAIN' ? count - first : 1;
    unsent = { count: (unsent?.count ?? 0) + lost, code };
    first += lost;
  }
  return unsent;
}
