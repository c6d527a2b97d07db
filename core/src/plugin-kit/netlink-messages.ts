import { getSystemErrorName } from 'node:util';

/** Constants and layouts of netlink(7). */
const { NLMSG_ERROR, NLMSG_DONE, NLM_F_MULTI, NLM_F_DUMP_INTR } = {
  ...{ NLMSG_ERROR: 2, NLMSG_DONE: 3, NLM_F_MULTI: 0x02, NLM_F_DUMP_INTR: 0x10 },
};

/** The length of the header of a message. */
export const NETLINK_HEADER = 16;
/** The length of the header of an attribute. */
const PREFIX = 4;
/** What the kernel marks nested attributes and byte orders with (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const TYPE_MASK = 0x3fff;

/** What a kernel has sent: its body is valid until the next request. */
export interface NetlinkMessage {
  readonly type: number;
  readonly body: Buffer;
}

/**
 * The answer to one request, out of the datagrams that a kernel sends. What is wrong with it is told when all of it has
 * come, so that nothing of it is left for the next request.
 */
export class NetlinkAnswer {
  #goesOn = true;
  #problem: unknown;

  /** @param each called for each message of the answer */
  constructor(
    private readonly sequence: number,
    private readonly each?: (message: NetlinkMessage) => void,
  ) {}

  /** Whether more of it is to come. */
  get goesOn(): boolean {
    return this.#goesOn;
  }

  take(datagram: Buffer): void {
    let at = 0;
    while (at + NETLINK_HEADER <= datagram.length) {
      const length = datagram.readUInt32LE(at);
      if (length < NETLINK_HEADER || at + length > datagram.length) break;
      const end = at + length;
      const isOurs = datagram.readUInt32LE(at + 8) === this.sequence;
      // Others are what is left of an earlier answer.
      if (isOurs) this.#takeMessage(datagram.subarray(at, end));
      at += aligned(length);
    }
    if (at < datagram.length) this.#fail(damaged());
  }

  /** @throws what is wrong with it: the system's error, with its `code`, or what the callback has thrown */
  check(): void {
    if (this.#problem !== undefined) throw this.#problem as Error;
  }

  #takeMessage(message: Buffer): void {
    const type = message.readUInt16LE(4);
    const flags = message.readUInt16LE(6);
    const body = message.subarray(NETLINK_HEADER);
    const isLast = type === NLMSG_ERROR || type === NLMSG_DONE;
    this.#goesOn = !isLast && (flags & NLM_F_MULTI) !== 0;
    // What was listed has changed meanwhile, and something of it may be missing.
    if ((flags & NLM_F_DUMP_INTR) !== 0) this.#fail(systemError('netlink', EINTR));
    if (isLast) this.#takeEnd(type, body);
    else this.#handOut({ type, body });
  }

  /** The end of a list has a number of an error, too, where the kernel could not go on. */
  #takeEnd(type: number, body: Buffer): void {
    const number = body.length < 4 ? undefined : body.readInt32LE(0);
    if (number !== undefined && number < 0) this.#fail(systemError('netlink', -number));
    else if (type === NLMSG_ERROR && number !== 0) this.#fail(damaged());
  }

  #handOut(message: NetlinkMessage): void {
    if (this.#problem !== undefined) return;
    try {
      this.each?.(message);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(problem: unknown): void {
    this.#problem ??= problem;
  }
}

/** An attribute of a request (rtnetlink(7)), filled up to a multiple of four bytes. */
export function netlinkAttribute(type: number, value: Uint8Array): Buffer {
  const attribute = Buffer.alloc(aligned(PREFIX + value.length));
  attribute.writeUInt16LE(PREFIX + value.length, 0);
  attribute.writeUInt16LE(type, 2);
  attribute.set(value, PREFIX);
  return attribute;
}

/** The attributes behind the fixed part of a message, by their types: up to the first that is damaged. */
export function netlinkAttributes(body: Buffer, from: number): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = from; at + PREFIX <= body.length;) {
    const length = body.readUInt16LE(at);
    if (length < PREFIX || at + length > body.length) break;
    attributes.set(body.readUInt16LE(at + 2) & TYPE_MASK, body.subarray(at + PREFIX, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** @param number as the system numbers errors, from 1 on */
export function systemError(call: string, number: number): Error {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call} ${code}`), { code });
}

const EINTR = 4;

function damaged(): Error {
  return Object.assign(new Error('netlink EBADMSG'), { code: 'EBADMSG' });
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
