import {
  addressBytes,
  addressText,
  netlinkAttribute,
  netlinkAttributes,
  NetlinkSocket,
  type Milliseconds,
} from '@jitsud/core/plugin';
import { isIPv4 } from 'node:net';
import type { TcpConnection, TcpTable } from './tcp-table.js';

/** Constants of netlink(7) and sock_diag(7). */
const { AF_INET, AF_INET6, IPPROTO_TCP } = { AF_INET: 2, AF_INET6: 10, IPPROTO_TCP: 6 };
const { NETLINK_SOCK_DIAG, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP } = {
  ...{ NETLINK_SOCK_DIAG: 4, SOCK_DIAG_BY_FAMILY: 20, NLM_F_DUMP: 0x300 },
};
const { INET_DIAG_REQ_BYTECODE, INET_DIAG_BC_S_COND, INET_DIAG_INFO } = {
  ...{ INET_DIAG_REQ_BYTECODE: 1, INET_DIAG_BC_S_COND: 7, INET_DIAG_INFO: 2 },
};
const { ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT } = {
  ...{ ESTABLISHED: 1, FIN_WAIT1: 4, FIN_WAIT2: 5, TIME_WAIT: 6, CLOSE_WAIT: 8 },
};
const STATES = setOf(ESTABLISHED, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT);
/** Those of a connection that may wait to be accepted: established, or closed by its client since. */
const WAITING_STATES = setOf(ESTABLISHED, CLOSE_WAIT);

/** How long Linux keeps what was closed (TCP_TIMEWAIT_LEN), which no setting changes. */
const TIME_WAIT_LENGTH: Milliseconds = 60_000;

/** The lengths of a request and of an answer, and where things are in an answer. */
const { REQUEST, ANSWER } = { REQUEST: 56, ANSWER: 72 };
const { STATE, PEER_PORT, PEER, EXPIRES, INODE } = { STATE: 1, PEER_PORT: 6, PEER: 24, EXPIRES: 52, INODE: 68 };
/** In struct tcp_info. */
const { LAST_SENT, LAST_RECEIVED } = { LAST_SENT: 44, LAST_RECEIVED: 52 };

/** The TCP connections of Linux, by its own filter, for which no right is needed. */
export class SocketDiagnosis implements TcpTable, Disposable {
  private constructor(private readonly socket: NetlinkSocket) {}

  /** `undefined` where the system has none, or does not let this process ask. */
  static async open(): Promise<SocketDiagnosis | undefined> {
    let socket: NetlinkSocket | undefined;
    try {
      socket = await NetlinkSocket.open(NETLINK_SOCK_DIAG);
      const table = new SocketDiagnosis(socket);
      table.connectionsTo(['127.0.0.1'], 1);
      return table;
    } catch {
      socket?.[Symbol.dispose]();
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

  /**
   * From where the connections come that wait to be accepted at an endpoint: those that no file stands for.
   * @throws the system's error
   */
  clientsWaitingAt(address: string, port: number): readonly string[] {
    const family = isIPv4(address) ? AF_INET : AF_INET6;
    const clients: string[] = [];
    this.#each(requestFor(family, address, port, WAITING_STATES), (body) => {
      if (body.length >= ANSWER && body.readUInt32LE(INODE) === 0) clients.push(peerOf(body));
    });
    return clients;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #ask(family: number, address: string, port: number): readonly TcpConnection[] {
    const found: TcpConnection[] = [];
    this.#each(requestFor(family, address, port, STATES), (body) => {
      const connection = parseSocket(body);
      if (connection !== undefined) found.push(connection);
    });
    return found;
  }

  #each(request: Buffer, each: (body: Buffer) => void): void {
    this.socket.request(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, request, ({ body }) => each(body));
  }
}

function setOf(...states: readonly number[]): number {
  return states.reduce((set, state) => set | (1 << state), 0);
}

function requestFor(family: number, address: string, port: number, states: number): Buffer {
  const request = Buffer.alloc(REQUEST);
  request[0] = family;
  request[1] = IPPROTO_TCP;
  request[2] = 1 << (INET_DIAG_INFO - 1);
  request.writeUInt32LE(states, 4);
  // One condition: the local address and port; whatever does not fit jumps behind the end.
  const bytes = addressBytes(address) ?? new Uint8Array(4);
  const code = Buffer.alloc(4 + 8 + bytes.length);
  code[0] = INET_DIAG_BC_S_COND;
  code[1] = code.length;
  code.writeUInt16LE(code.length + 4, 2);
  code[4] = bytes.length === 4 ? AF_INET : AF_INET6;
  code[5] = 8 * bytes.length;
  code.writeInt32LE(port, 8);
  code.set(bytes, 12);
  return Buffer.concat([request, netlinkAttribute(INET_DIAG_REQ_BYTECODE, code)]);
}

/** @param body an answer of sock_diag(7) @returns `undefined` for what is no connection that anybody uses */
export function parseSocket(body: Buffer): TcpConnection | undefined {
  if (body.length < ANSWER) return undefined;
  const state = body[STATE];
  const peer = peerOf(body);
  const peerPort = body.readUInt16BE(PEER_PORT);
  if (state === TIME_WAIT)
    return { peer, peerPort, closed: Math.max(0, TIME_WAIT_LENGTH - body.readUInt32LE(EXPIRES)) };
  const isClosing = state === FIN_WAIT1 || state === FIN_WAIT2;
  // The program has let go of it. One without a program that is not closing waits to be accepted.
  if (isClosing && body.readUInt32LE(INODE) === 0) return undefined;
  const info = netlinkAttributes(body, ANSWER).get(INET_DIAG_INFO);
  if (info === undefined || info.length < LAST_RECEIVED + 4) return { peer, peerPort };
  return { peer, peerPort, idle: Math.min(info.readUInt32LE(LAST_SENT), info.readUInt32LE(LAST_RECEIVED)) };
}

function peerOf(body: Buffer): string {
  return addressText(body.subarray(PEER, PEER + (body[0] === AF_INET ? 4 : 16)));
}
