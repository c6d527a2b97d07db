import type { LaunchSocket } from '@jitsud/core/plugin';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import type { ListenEndpoint } from './listen-option.js';
import type { ListeningSocket } from './listening-socket.js';

/** How long a reply to a datagram is waited for that was passed on, in milliseconds. */
const REPLY_LIMIT = 30_000;

/** Node's own object for a socket of the system. */
interface DatagramHandle {
  recvStart(): number;
  recvStop(): number;
}

/**
 * A socket for datagrams by Node alone. Node reads a datagram to know that there is one: the first before each start is
 * read here, and passed on to the program. All others wait in the system.
 */
export class NodeDatagramSocket implements ListeningSocket {
  readonly protocol = 'udp';
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly #socket: Socket;
  #handle: DatagramHandle | undefined;
  #taken: { readonly data: Buffer; readonly from: RemoteInfo }[] = [];
  #onArrival: (() => void) | undefined;

  constructor({ address, port, name }: ListenEndpoint) {
    this.address = address;
    this.port = port;
    this.name = name;
    this.#socket = this.#newSocket();
  }

  /** Throws the system's error, `ENOSYS` where this Node does not let reading be stopped. */
  async bind(): Promise<void> {
    const { address, port } = this;
    await new Promise<void>((resolve, reject) => {
      this.#socket.once('error', reject).bind({ address, port, exclusive: true }, () => {
        this.#socket.off('error', reject).on('error', () => undefined);
        resolve();
      });
    });
    this.#handle = handleOf(this.#socket);
    if (this.#handle === undefined) {
      this.#socket.close();
      throw Object.assign(new Error('datagrams take the package koffi with this Node'), { code: 'ENOSYS' });
    }
    this.#handle.recvStop();
    this.#socket.unref().on('message', (data, from) => {
      this.#handle?.recvStop();
      this.#taken.push({ data, from });
      this.#onArrival?.();
    });
  }

  forLaunch(): LaunchSocket {
    // This process keeps its own, which reads nothing, and needs no other.
    const returned = (copy: object): void => (copy as { close(): void }).close();
    return { name: this.name, handle: this.#handle ?? {}, returned };
  }

  launched(): void {
    this.#handle?.recvStop();
  }

  watch(onArrival: () => void): void {
    this.#onArrival = onArrival;
    if (this.#taken.length > 0) onArrival();
    else this.#handle?.recvStart();
  }

  unwatch(): void {
    this.#onArrival = undefined;
    this.#handle?.recvStop();
  }

  deliver(): void {
    this.unwatch();
    for (const { data, from } of this.#taken.splice(0)) this.#passOn(data, from);
  }

  clients(): readonly string[] {
    return this.#taken.slice(0, 1).map(({ from }) => from.address);
  }

  refuse(count: number): void {
    this.#taken.splice(0, count);
    if (this.#taken.length === 0 && this.#onArrival !== undefined) this.#handle?.recvStart();
  }

  waiting(): number {
    return this.#taken.length;
  }

  backlog(): number {
    return 0;
  }

  close(): void {
    this.unwatch();
    this.#handle = undefined;
    this.#socket.close();
  }

  #newSocket(): Socket {
    return createSocket(this.address.includes(':') ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
  }

  #passOn(data: Buffer, from: RemoteInfo): void {
    const way = this.#newSocket().unref();
    const limit = setTimeout(() => way.close(), REPLY_LIMIT).unref();
    way.on('error', () => (clearTimeout(limit), way.close()));
    way.on('message', (reply) => this.#handle && this.#socket.send(reply, from.port, from.address, () => undefined));
    way.send(data, this.port, this.address);
  }
}

/** Node has no public way to it. */
function handleOf(socket: Socket): DatagramHandle | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const { handle } = ((socket as unknown as Record<symbol, unknown>)[symbol] ?? {}) as { handle?: DatagramHandle };
    if (typeof handle?.recvStop === 'function' && typeof handle.recvStart === 'function') return handle;
  }
  return undefined;
}
