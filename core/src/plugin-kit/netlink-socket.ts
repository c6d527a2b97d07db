import { closeSync, readSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { NETLINK_HEADER, NetlinkAnswer, systemError, type NetlinkMessage } from './netlink-messages.js';

/** Constants and layouts of netlink(7), which x86-64 and arm64 share. */
const { AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC, SOCK_NONBLOCK } = {
  ...{ AF_NETLINK: 16, SOCK_RAW: 3, SOCK_CLOEXEC: 0o2000000, SOCK_NONBLOCK: 0o4000 },
};
const { NLM_F_REQUEST, NLM_F_ACK } = { NLM_F_REQUEST: 0x01, NLM_F_ACK: 0x04 };

/** Has it make what is not there (NLM_F_CREATE), and take the place of what is (NLM_F_REPLACE). */
export const CREATE_OR_REPLACE = 0x500;

/** More than the kernel sends at once, in bytes. */
const MOST = 65_536;

const ARCHITECTURES = ['x64', 'arm64'];

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
   * @throws the system's error, with its `code`; EBADMSG for an answer that is damaged, and what the callback throws
   */
  request(type: number, flags: number, body: Uint8Array, each?: (message: NetlinkMessage) => void): void {
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
    const request = Buffer.alloc(NETLINK_HEADER + body.length);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt16LE(type, 4);
    request.writeUInt16LE(flags | NLM_F_REQUEST | (each === undefined ? NLM_F_ACK : 0), 6);
    request.writeUInt32LE(sequence, 8);
    request.set(body, NETLINK_HEADER);
    writeSync(this.descriptor, request);
    const answer = new NetlinkAnswer(sequence, each);
    do {
      answer.take(this.#buffer.subarray(0, this.#read(answer)));
    } while (answer.goesOn);
    answer.check();
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }

  #read(answer: NetlinkAnswer): number {
    try {
      return readSync(this.descriptor, this.#buffer);
    } catch (error) {
      // Its end was among what was damaged.
      answer.check();
      throw error;
    }
  }
}

async function loadSocket() {
  const { platform, arch } = process;
  if (platform !== 'linux' || !ARCHITECTURES.includes(arch) || endianness() !== 'LE')
    throw new Error(`netlink needs Linux on x64 or arm64, and this is ${platform} on ${arch}`);
  const { default: koffi } = await import('koffi');
  const socket = koffi.load(null).func('int socket(int, int, int)') as unknown as OpenSocket;
  return { socket, errorNumber: () => koffi.errno() };
}
