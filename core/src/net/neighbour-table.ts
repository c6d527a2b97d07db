import { readSync, writeSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import type { Milliseconds } from '../contracts/milliseconds.js';
import { ipv4Bytes, ipv6Bytes } from './address-bytes.js';
import { Linux } from './linux.js';
import type { SocketCalls } from './socket-calls.js';

/** Constants and layouts of rtnetlink(7). */
const { RTM_NEWNEIGH, RTM_GETNEIGH, NLM_F_REQUEST, NLM_F_DUMP } = {
  ...{ RTM_NEWNEIGH: 28, RTM_GETNEIGH: 30, NLM_F_REQUEST: 0x001, NLM_F_DUMP: 0x300 },
};
const { NDA_DST, NDA_CACHEINFO, NUD_REACHABLE } = { NDA_DST: 1, NDA_CACHEINFO: 3, NUD_REACHABLE: 0x02 };
const HEADER = 16;
const NEIGHBOUR = 12;

/** What the kernel sends at once, in bytes. */
const MOST = 32_768;

/** In which the kernel tells times (USER_HZ). */
export const TICK: Milliseconds = 10;

/** What the kernel knows of the machines on its own networks by ARP (RFC 826) and neighbour discovery (RFC 4861). */
export class NeighbourTable implements Disposable {
  readonly #buffer = Buffer.alloc(MOST);

  private constructor(
    private readonly descriptor: number,
    private readonly calls: SocketCalls,
  ) {}

  /** `undefined` where the system does not let this process look. */
  static open(calls: SocketCalls): NeighbourTable | undefined {
    const type = Linux.SOCK_RAW | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK;
    const descriptor = calls.socket(Linux.AF_NETLINK, type, 0);
    return descriptor < 0 ? undefined : new NeighbourTable(descriptor, calls);
  }

  /**
   * How long ago the machine with this address has answered, rounded down to a tick of the kernel's clock; `undefined`
   * where the kernel does not take it for reachable.
   * @throws the system's error where the kernel is out of memory for its answer
   */
  sinceAnswer(address: string): Milliseconds | undefined {
    const bytes = isIPv6(address) ? ipv6Bytes(address.replace(/%.*/, '')) : ipv4Bytes(address);
    const request = Buffer.alloc(HEADER + NEIGHBOUR);
    request.writeUInt32LE(request.length, 0);
    request.writeUInt16LE(RTM_GETNEIGH, 4);
    request.writeUInt16LE(NLM_F_REQUEST | NLM_F_DUMP, 6);
    request.writeUInt8(isIPv6(address) ? Linux.AF_INET6 : Linux.AF_INET, HEADER);
    writeSync(this.descriptor, request);
    let found: Milliseconds | undefined;
    for (let goesOn = true; goesOn;) {
      const length = readSync(this.descriptor, this.#buffer);
      goesOn = false;
      for (const [type, message] of messagesIn(this.#buffer.subarray(0, length))) {
        // Anything else is the end, or an error.
        goesOn = type === RTM_NEWNEIGH;
        if (goesOn) found ??= sinceAnswerIn(message, bytes);
      }
    }
    return found;
  }

  [Symbol.dispose](): void {
    this.calls.close(this.descriptor);
  }
}

function sinceAnswerIn(message: Buffer, address: Uint8Array): Milliseconds | undefined {
  if ((message.readUInt16LE(8) & NUD_REACHABLE) === 0) return undefined;
  let isSame = false;
  let since: Milliseconds | undefined;
  for (let at = NEIGHBOUR; at + 4 <= message.length;) {
    const length = message.readUInt16LE(at);
    if (length < 4) break;
    const value = message.subarray(at + 4, at + length);
    const type = message.readUInt16LE(at + 2);
    if (type === NDA_DST) isSame = value.equals(address);
    if (type === NDA_CACHEINFO) since = value.readUInt32LE(0) * TICK;
    at += aligned(length);
  }
  return isSame ? since : undefined;
}

function* messagesIn(bytes: Buffer): Generator<readonly [type: number, message: Buffer]> {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER) return;
    yield [bytes.readUInt16LE(at + 4), bytes.subarray(at + HEADER, at + length)];
    at += aligned(length);
  }
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
