import { addressBytes, addressText, type Milliseconds } from '@jitsud/core/plugin';
import { closeSync, readSync, writeSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import type { TcpConnection, TcpTable } from './tcp-table.js';

/** Constants of netlink(7) and sock_diag(7). */
const { AF_INET, AF_INET6, AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC, SOCK_NONBLOCK } = {
  ...{ AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16, SOCK_RAW: 3, SOCK_CLOEXEC: 0o2_000_000, SOCK_NONBLOCK: 0o4_000 },
};
const { NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, IPPROTO_TCP, NLMSG_ERROR, NLMSG_DONE } = {
  ...{ NETLINK_SOCK_DIAG: 4, SOCK_DIAG_BY_FAMILY: 20, IPPROTO_TCP: 6, NLMSG_ERROR: 2, NLMSG_DONE: 3 },
};
/** NLM_F_REQUEST and NLM_F_DUMP. */
const DUMP = 0x301;
const { INET_DIAG_REQ_BYTECODE, INET_DIAG_BC_S_COND, INET_DIAG_INFO } = {
  ...{ INET_DIAG_REQ_BYTECODE: 1, INET_DIAG_BC_S_COND: 7, INET_DIAG_INFO: 2 },
};
const { ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT } = {
  ...{ ESTABLISHED: 1, FIN_WAIT1: 4, FIN_WAIT2: 5, TIME_WAIT: 6, CLOSE_WAIT: 8 },
};
const STATES = [ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT].reduce((set, state) => set | (1 << state), 0);

/** How long Linux keeps what was closed (TCP_TIMEWAIT_LEN), which no setting changes. */
const TIME_WAIT_LENGTH: Milliseconds = 60_000;

/** The lengths of the header of a message, of a request and of an answer, and where things are in an answer. */
const { HEADER, REQUEST, ANSWER } = { HEADER: 16, REQUEST: 56, ANSWER: 72 };
const { STATE, PEER, EXPIRES, INODE } = { STATE: 1, PEER: 24, EXPIRES: 52, INODE: 68 };
/** In struct tcp_info. */
const { LAST_SENT, LAST_RECEIVED } = { LAST_SENT: 44, LAST_RECEIVED: 52 };

/** What the kernel sends at once, in bytes. */
const MOST = 65_536;

/** The TCP connections of Linux, by its own filter, for which no right is needed. */
export class SocketDiagnosis implements TcpTable, Disposable {
  readonly #buffer = Buffer.alloc(MOST);

  private constructor(private readonly descriptor: number) {}

  /** `undefined` where the system has none, or does not let this process ask. */
  static async open(): Promise<SocketDiagnosis | undefined> {
    // The layouts below are those of systems with the low byte first.
    if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) return undefined;
    try {
      const { default: koffi } = await import('koffi');
      const socket = koffi.load(null).func('int socket(int, int, int)') as (...numbers: number[]) => number;
      const descriptor = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
      if (descriptor < 0) return undefined;
      const table = new SocketDiagnosis(descriptor);
      table.connectionsTo(['127.0.0.1'], 1);
      return table;
    } catch {
      return undefined;
    }
  }

  connectionsTo(addresses: readonly string[], port: number): readonly TcpConnection[] {
    return addresses.flatMap((address) => {
      if (!isIPv4(address)) return this.#ask(AF_INET6, address, port);
      // A listener for both families has IPv4 connections as sockets of IPv6.
      return [...this.#ask(AF_INET, address, port), ...this.#ask(AF_INET6, address, port)];
    });
  }

  [Symbol.dispose](): void {
    closeSync(this.descriptor);
  }

  #ask(family: number, address: string, port: number): readonly TcpConnection[] {
    writeSync(this.descriptor, requestFor(family, address, port));
    const found: TcpConnection[] = [];
    for (;;) {
      const length = readSync(this.descriptor, this.#buffer);
      for (const { type, body } of messagesIn(this.#buffer.subarray(0, length))) {
        if (type === NLMSG_DONE) return found;
        if (type === NLMSG_ERROR) throw new Error(`the kernel does not tell its sockets: ${errorOf(body)}`);
        const connection = parseSocket(body);
        if (connection !== undefined) found.push(connection);
      }
    }
  }
}

function requestFor(family: number, address: string, port: number): Buffer {
  const bytes = addressBytes(address) ?? new Uint8Array(4);
  const condition = 4 + 8 + bytes.length;
  const message = Buffer.alloc(HEADER + REQUEST + 4 + condition);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(SOCK_DIAG_BY_FAMILY, 4);
  message.writeUInt16LE(DUMP, 6);
  message[HEADER] = family;
  message[HEADER + 1] = IPPROTO_TCP;
  message[HEADER + 2] = 1 << (INET_DIAG_INFO - 1);
  message.writeUInt32LE(STATES, HEADER + 4);
  const attribute = message.subarray(HEADER + REQUEST);
  attribute.writeUInt16LE(attribute.length, 0);
  attribute.writeUInt16LE(INET_DIAG_REQ_BYTECODE, 2);
  // One condition: the local address and port; whatever does not fit jumps behind the end.
  const code = attribute.subarray(4);
  code[0] = INET_DIAG_BC_S_COND;
  code[1] = code.length;
  code.writeUInt16LE(code.length + 4, 2);
  code[4] = bytes.length === 4 ? AF_INET : AF_INET6;
  code[5] = 8 * bytes.length;
  code.writeInt32LE(port, 8);
  code.set(bytes, 12);
  return message;
}

/** The messages of what the kernel has sent at once; none after one with a wrong length. */
export function* messagesIn(bytes: Buffer): Iterable<{ readonly type: number; readonly body: Buffer }> {
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER || at + length > bytes.length) return;
    yield { type: bytes.readUInt16LE(at + 4), body: bytes.subarray(at + HEADER, at + length) };
    at += (length + 3) & ~3;
  }
}

/** @param body an answer of sock_diag(7) @returns `undefined` for what is no connection that anybody uses */
export function parseSocket(body: Buffer): TcpConnection | undefined {
  if (body.length < ANSWER) return undefined;
  const state = body[STATE];
  const peer = addressText(body.subarray(PEER, PEER + (body[0] === AF_INET ? 4 : 16)));
  if (state === TIME_WAIT) return { peer, closed: Math.max(0, TIME_WAIT_LENGTH - body.readUInt32LE(EXPIRES)) };
  const isClosing = state === FIN_WAIT1 || state === FIN_WAIT2;
  // The program has let go of it. One without a program that is not closing waits to be accepted.
  if (isClosing && body.readUInt32LE(INODE) === 0) return undefined;
  const info = attributeIn(body.subarray(ANSWER), INET_DIAG_INFO);
  if (info === undefined || info.length < LAST_RECEIVED + 4) return { peer };
  return { peer, idle: Math.min(info.readUInt32LE(LAST_SENT), info.readUInt32LE(LAST_RECEIVED)) };
}

function attributeIn(bytes: Buffer, wanted: number): Buffer | undefined {
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) return undefined;
    if (bytes.readUInt16LE(at + 2) === wanted) return bytes.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
  return undefined;
}

function errorOf(body: Buffer): string {
  return body.length < 4 ? 'no reason' : `error ${-body.readInt32LE(0)}`;
}
