import { closeSync, readSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';

/** Constants and layouts of netlink(7), which x86-64 and arm64 share. */
const { AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC, SOCK_NONBLOCK } = {
  ...{ AF_NETLINK: 16, SOCK_RAW: 3, SOCK_CLOEXEC: 0o2000000, SOCK_NONBLOCK: 0o4000 },
};
const { NLMSG_ERROR, NLMSG_DONE, NLM_F_REQUEST, NLM_F_MULTI, NLM_F_ACK } = {
  ...{ NLMSG_ERROR: 2, NLMSG_DONE: 3, NLM_F_REQUEST: 0x01, NLM_F_MULTI: 0x02, NLM_F_ACK: 0x04 },
};

/** Has it make what is not there (NLM_F_CREATE), and take the place of what is (NLM_F_REPLACE). */
export const CREATE_OR_REPLACE = 0x500;

const HEADER = 16;
/** Of an attribute. */
const PREFIX = 4;
/** What the kernel marks nested attributes and byte orders with (NLA_F_NESTED, NLA_F_NET_BYTEORDER). */
const TYPE_MASK = 0x3fff;

/** More than the kernel sends at once, in bytes. */
const MOST = 65_536;

const ARCHITECTURES = ['x64', 'arm64'];

/** What a kernel has sent: its body is valid until the next request. */
export interface NetlinkMessage {
  readonly type: number;
  readonly body: Buffer;
}

type OpenSocket = (family: number, type: number, protocol: number) => number;

let opening: Promise<{ readonly socket: OpenSocket; readonly errorNumber: () => number }> | undefined;

/** Asks the Linux kernel by netlink(7), and waits for the answer, which comes within the call. */
export class NetlinkSocket implements Disposable {
  readonly #buffer = Buffer.allocUnsafeSlow(MOST);
  #sequence = 0;

  private constructor(private readonly descriptor: number) {}

  /**
   * Needs no privilege, and loads native code on first use. What may be asked depends on the rights of the process when
   * this was called, and when it asks.
   * @param protocol such as NETLINK_ROUTE, 0
   * @throws where there is no Linux, koffi cannot be loaded, or the system refuses it, with its `code`
   */
  static async open(protocol: number): Promise<NetlinkSocket> {
    opening ??= loadSocket();
    const { socket, errorNumber } = await opening;
    const descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (descriptor < 0) throw systemError('socket', errorNumber());
    return new NetlinkSocket(descriptor);
  }

  /**
   * Sends a request, and calls back for each message of the answer, which is read to its end.
   * @param flags besides NLM_F_REQUEST; without a callback, the kernel is asked to acknowledge it
   * @throws the system's error, with its `code`
   */
  request(type: number, flags: number, body: Uint8Array, each?: (message: NetlinkMessage) => void): void {
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
    const request = Buffer.alloc(HEADER + body.length);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt16LE(type, 4);
    request.writeUInt16LE(flags | NLM_F_REQUEST | (each === undefined ? NLM_F_ACK : 0), 6);
    request.writeUInt32LE(sequence, 8);
    request.set(body, HEADER);
    writeSync(this.descriptor, request);
    let refusal = 0;
    for (let goesOn = true; goesOn;) {
      const length = readSync(this.descriptor, this.#buffer);
      for (const message of messagesIn(this.#buffer.subarray(0, length))) {
        // What is left of an earlier answer.
        if (message.sequence !== sequence) continue;
        goesOn = (message.flags & NLM_F_MULTI) !== 0;
        if (message.type === NLMSG_ERROR) refusal = message.body.readInt32LE(0);
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) goesOn = false;
        else each?.(message);
      }
    }
    if (refusal !== 0) throw systemError('netlink', -refusal);
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
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

/** The attributes behind the fixed part of a message, by their types. */
export function netlinkAttributes(body: Buffer, from: number): ReadonlyMap<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = from; at + PREFIX <= body.length;) {
    const length = body.readUInt16LE(at);
    if (length < PREFIX) break;
    attributes.set(body.readUInt16LE(at + 2) & TYPE_MASK, body.subarray(at + PREFIX, at + length));
    at += aligned(length);
  }
  return attributes;
}

function* messagesIn(bytes: Buffer) {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER) return;
    const [type, flags, sequence] = [
      bytes.readUInt16LE(at + 4),
      bytes.readUInt16LE(at + 6),
      bytes.readUInt32LE(at + 8),
    ];
    yield { type, flags, sequence, body: bytes.subarray(at + HEADER, at + length) };
    at += aligned(length);
  }
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

function systemError(call: string, number: number): Error {
  const code = getSystemErrorName(-number);
  return Object.assign(new Error(`${call} ${code}`), { code });
}

async function loadSocket() {
  const { platform, arch } = process;
  if (platform !== 'linux' || !ARCHITECTURES.includes(arch) || endianness() !== 'LE')
    throw new Error(`netlink needs Linux on x64 or arm64, and this is ${platform} on ${arch}`);
  const { default: koffi } = await import('koffi');
  const socket = koffi.load(null).func('int socket(int, int, int)') as unknown as OpenSocket;
  return { socket, errorNumber: () => koffi.errno() };
}
