import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../net/endpoint.js';
import { numericLookup } from '../../net/numeric-lookup.js';

/** Receives the datagrams and errors of a {@link UdpSocket}. */
export interface UdpSocketListener {
  /** A datagram has come from the upstream, in memory that the listener owns. */
  onMessage(message: Uint8Array): void;
  /**
   * The system reported an error; after a `fatal` one the socket is unusable. Called neither by `send` nor after
   * `close`.
   */
  onError(error: Error, fatal: boolean): void;
}

/**
 * A UDP socket with its own source port, connected to one upstream, so that it receives from no other address. Must be
 * closed.
 */
export interface UdpSocket {
  /** Sends as soon as possible; the bytes must not change until then. */
  send(message: Uint8Array): void;
  close(): void;
}

/** Opens UDP sockets to upstreams. */
export interface UdpSockets {
  open(upstream: Endpoint, listener: UdpSocketListener): UdpSocket;
  /**
   * The number of the batch that is being filled: what one socket sends while the number stays the same is sent by one
   * system call. Absent where every datagram is sent alone.
   */
  readonly batch?: number;
}

/** Node's own sockets, which send and receive one datagram at a time. */
export const dgramSockets: UdpSockets = {
  open: (upstream, listener) => new DgramSocket(upstream, listener),
};

class DgramSocket implements UdpSocket {
  private readonly socket: Socket;
  /** Messages to send once the socket is connected; `undefined` from then on. */
  private unsent: Uint8Array[] | undefined = [];
  private closed = false;

  constructor(
    { address, port }: Endpoint,
    private readonly listener: UdpSocketListener,
  ) {
    const family = isIPv6(address) ? 6 : 4;
    this.socket = createSocket({ type: `udp${family}`, lookup: numericLookup(family) });
    this.socket.on('message', (message) => listener.onMessage(message));
    // Without a callback of its own, a failed connect is an 'error' event as well.
    this.socket.on('error', (error) => this.fail(error, this.unsent !== undefined));
    this.socket.once('connect', () => this.sendUnsent());
    this.socket.connect(port, address);
  }

  send(message: Uint8Array): void {
    if (this.unsent !== undefined) this.unsent.push(message);
    else this.socket.send(message, this.onSent);
  }

  close(): void {
    this.closed = true;
    this.socket.close();
  }

  /** One callback for all messages: a closure per message would cost as much as the message. */
  private readonly onSent = (error: Error | null): void => {
    if (error !== null) this.fail(error, false);
  };

  private fail(error: Error, fatal: boolean): void {
    if (!this.closed) this.listener.onError(error, fatal);
  }

  private sendUnsent(): void {
    const messages = this.unsent ?? [];
    this.unsent = undefined;
    if (!this.closed) for (const message of messages) this.socket.send(message, this.onSent);
  }
}
