import { readSync, writeSync } from 'node:fs';
import { attributeOf, textOfAttribute } from './attributes.js';
import { codeOf, NetlinkError } from './netlink-error.js';
import { HEADER, message, messagesIn, Netlink, type NetlinkMessage } from './netlink-message.js';
import { Linux, type SystemCalls } from './system-calls.js';

/** Which netlink: that of netfilter, with nftables, queues, logs and connection tracking. */
const NETLINK_NETFILTER = 12;

/** The most that the kernel sends at once. */
const MOST_RECEIVED = 65_536;

/** How long a request waits for its answer, in seconds: the kernel gives it before the request returns. */
const PATIENCE = 10;

/** What may wait to be sent and read, in bytes. */
const SEND_BUFFER = 4 * 1_024 * 1_024;
const RECEIVE_BUFFER = 4 * 1_024 * 1_024;
/** Of a kernel whose limits nobody has changed. */
const USUAL_SEND_BUFFER = 212_992;
/** What the kernel keeps of a buffer for itself. */
const SOCKET_OVERHEAD = 32;

/** The kernel's words in an answer (linux/netlink.h). */
const NLMSGERR_ATTR_MSG = 1;

/** Dumps that begin anew because something has changed meanwhile, or another one still runs. */
const MOST_ATTEMPTS = 20;

/** What a whole transaction or request has failed with, and by which of its messages. */
export interface Failure {
  readonly sequence: number;
  readonly code: string;
  readonly reason: string;
}

/** A socket by which requests are made, one at a time: each call returns when the kernel has answered. */
export class NetlinkSocket implements Disposable {
  readonly #buffer = Buffer.alloc(MOST_RECEIVED);
  #sequence = 0;
  /** How long a datagram may be, in bytes. */
  mostSent = USUAL_SEND_BUFFER - SOCKET_OVERHEAD;

  private constructor(
    readonly descriptor: number,
    private readonly calls: SystemCalls,
  ) {}

  /** @throws NetlinkError */
  static open(calls: SystemCalls, protocol: number = NETLINK_NETFILTER): NetlinkSocket {
    const descriptor = calls.socket(Linux.AF_NETLINK, Linux.SOCK_RAW | Linux.SOCK_CLOEXEC, protocol);
    if (descriptor < 0) throw new NetlinkError('open a socket of netlink', calls.errorCode());
    const address = Buffer.alloc(12);
    address.writeUInt16LE(Linux.AF_NETLINK, 0);
    if (calls.bind(descriptor, address, address.length) < 0) {
      const code = calls.errorCode();
      calls.close(descriptor);
      throw new NetlinkError('bind a socket of netlink', code);
    }
    const socket = new NetlinkSocket(descriptor, calls);
    // Without these rights the usual sizes stay, and what needs more fails by itself.
    socket.#set(Linux.SOL_SOCKET, Linux.SO_SNDBUFFORCE, SEND_BUFFER);
    socket.#set(Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, RECEIVE_BUFFER);
    socket.#learnRoom();
    // Refusals are short then, and say why.
    socket.#set(Linux.SOL_NETLINK, Linux.NETLINK_CAP_ACK, 1);
    socket.#set(Linux.SOL_NETLINK, Linux.NETLINK_EXT_ACK, 1);
    // What is full drops packets or answers, and is no end.
    socket.#set(Linux.SOL_NETLINK, Linux.NETLINK_NO_ENOBUFS, 1);
    return socket;
  }

  /** A blocking call gives up after a while. Not for a socket that waits for packets. */
  limitWaiting(): this {
    const time = Buffer.alloc(16);
    time.writeBigInt64LE(BigInt(PATIENCE), 0);
    this.calls.setsockopt(this.descriptor, Linux.SOL_SOCKET, Linux.SO_RCVTIMEO, time, time.length);
    return this;
  }

  /** The number of the next message. */
  next(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /** Changes one thing. @param doing for the error, as `take a queue` @throws NetlinkError */
  request(doing: string, type: number, ...parts: readonly Uint8Array[]): void {
    const sequence = this.next();
    const failure = this.exchange(doing, message(type, Netlink.REQUEST | Netlink.ACK, sequence, ...parts), sequence);
    if (failure !== undefined) throw new NetlinkError(doing, failure.code, failure.reason);
  }

  /**
   * Asks for one thing.
   * @returns the body of the answer, which the next call overwrites @throws NetlinkError
   */
  question(doing: string, type: number, ...parts: readonly Uint8Array[]): Buffer {
    const sequence = this.next();
    this.write(doing, message(type, Netlink.REQUEST, sequence, ...parts));
    for (;;) {
      for (const each of messagesIn(this.#read(doing))) {
        if (each.sequence !== sequence) continue;
        const failure = each.type === Netlink.ERROR ? failureIn(each) : undefined;
        if (failure === undefined) return each.body;
        throw new NetlinkError(doing, failure.code, failure.reason);
      }
    }
  }

  /**
   * Asks for a list. Where it has changed meanwhile, what was found is forgotten, and it begins anew.
   * @param begin called before each attempt
   * @param each gets the body of every message @throws NetlinkError
   */
  dump(
    doing: string,
    type: number,
    parts: readonly Uint8Array[],
    begin: () => void,
    each: (body: Buffer) => void,
  ): void {
    let code = '';
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      begin();
      code = this.#dumpOnce(doing, type, parts, each) ?? '';
      if (code === '') return;
    }
    throw new NetlinkError(doing, code, 'it changes all the time');
  }

  /** @returns why it has to begin anew */
  #dumpOnce(
    doing: string,
    type: number,
    parts: readonly Uint8Array[],
    each: (body: Buffer) => void,
  ): string | undefined {
    const sequence = this.next();
    this.write(doing, message(type, Netlink.REQUEST | Netlink.DUMP, sequence, ...parts));
    let interrupted = false;
    for (;;) {
      for (const received of messagesIn(this.#read(doing))) {
        // One that ended early may still be on its way.
        if (received.sequence !== sequence) continue;
        if ((received.flags & Netlink.DUMP_INTERRUPTED) !== 0) interrupted = true;
        if (received.type === Netlink.ERROR || received.type === Netlink.DONE) {
          const failure = failureIn(received);
          if (failure?.code === 'EBUSY' || failure?.code === 'EINTR') return failure.code;
          if (failure !== undefined) throw new NetlinkError(doing, failure.code, failure.reason);
          return interrupted ? 'EINTR' : undefined;
        }
        each(received.body);
      }
    }
  }

  /**
   * Sends several messages in one datagram, and reads until the last that wants it is acknowledged, or one has failed.
   * @returns the first failure @throws NetlinkError where nothing was sent, or nothing came back
   */
  exchange(doing: string, datagram: Uint8Array, last: number): Failure | undefined {
    this.write(doing, datagram);
    for (;;) {
      let failure: Failure | undefined;
      let isDone = false;
      for (const received of messagesIn(this.#read(doing))) {
        if (received.type !== Netlink.ERROR) continue;
        failure ??= failureIn(received);
        isDone ||= received.sequence === last;
      }
      if (failure !== undefined) {
        // Each message of a transaction that fails may have an answer of its own.
        while (this.calls.recv(this.descriptor, this.#buffer, this.#buffer.length, Linux.MSG_DONTWAIT) > 0);
        return failure;
      }
      if (isDone) return undefined;
    }
  }

  write(doing: string, bytes: Uint8Array): void {
    try {
      writeSync(this.descriptor, bytes);
    } catch (error) {
      throw new NetlinkError(doing, (error as NodeJS.ErrnoException).code ?? 'an unknown error');
    }
  }

  #read(doing: string): Buffer {
    for (;;) {
      try {
        return this.#buffer.subarray(0, readSync(this.descriptor, this.#buffer));
      } catch (error) {
        const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error';
        // Something that was not waited for did not fit.
        if (code === 'ENOBUFS' || code === 'EINTR') continue;
        throw new NetlinkError(doing, code, code === 'EAGAIN' ? 'the kernel does not answer' : '');
      }
    }
  }

  #set(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    this.calls.setsockopt(this.descriptor, level, name, bytes, bytes.length);
  }

  #learnRoom(): void {
    const size = Buffer.alloc(4);
    const length = Buffer.alloc(4);
    length.writeInt32LE(4);
    if (this.calls.getsockopt(this.descriptor, Linux.SOL_SOCKET, Linux.SO_SNDBUF, size, length) !== 0) return;
    this.mostSent = size.readInt32LE(0) - SOCKET_OVERHEAD;
  }

  [Symbol.dispose](): void {
    this.calls.close(this.descriptor);
  }
}

/** `undefined` for an acknowledgement, and for the usual end of a list. */
export function failureIn({ type, sequence, body }: NetlinkMessage): Failure | undefined {
  if (body.length < 4) return type === Netlink.DONE ? undefined : { sequence, code: 'EBADMSG', reason: '' };
  const errorNumber = body.readInt32LE(0);
  if (errorNumber === 0) return undefined;
  if (type === Netlink.DONE) return errorNumber > 0 ? undefined : { sequence, code: codeOf(errorNumber), reason: '' };
  // The header of the request comes back, and then what the kernel says about it.
  const reason = textOfAttribute(attributeOf(body.subarray(4 + HEADER), NLMSGERR_ATTR_MSG)) ?? '';
  return { sequence, code: codeOf(errorNumber), reason };
}
