import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { DnsSettings } from '../../config/settings.js';
import type { Endpoint } from '../../net/endpoint.js';
import { BATCH_SIZE, DatagramBatch, LONGEST_DATAGRAM, sendBatch } from '../../net/datagram-batch.js';
import { Linux } from '../../net/linux.js';
import { socketAddress } from '../../net/socket-address.js';
import { callError, loadBatchCalls, NativeSocketsUnavailable, type SocketCalls } from '../../net/socket-calls.js';
import { copyBytes } from '../wire/bytes.js';
import { Slab } from '../wire/slab.js';
import { dgramSockets, type UdpSocket, type UdpSocketListener, type UdpSockets } from './udp-socket.js';

/** The longest query, in bytes, with a margin: a name of 255 bytes and an OPT record. */
const LONGEST_QUERY = 512;

/** The number of batches that are read from one socket per turn of the event loop. */
const MOST_BATCHES = 4;

/** The sockets that the setting asks for and this machine supports. The DNS listeners log what is missing. */
export async function udpSockets(transport: DnsSettings['transport'], load = loadBatchCalls): Promise<UdpSockets> {
  if (transport === 'dgram') return dgramSockets;
  try {
    return new MmsgSockets(await load());
  } catch (error) {
    if (error instanceof NativeSocketsUnavailable) return dgramSockets;
    throw error;
  }
}

/**
 * Sockets that send and receive in batches, by sendmmsg and recvmmsg. All share one memory for datagrams: what one of
 * them sends in one turn of the event loop is sent by one call, and what has arrived at one is read by one.
 */
export class MmsgSockets implements UdpSockets {
  private readonly slab = new Slab();
  private readonly sent: DatagramBatch;
  private readonly received: DatagramBatch;
  /** The socket of the datagrams in the batch. */
  private sender: MmsgSocket | undefined;
  private count = 0;
  private batches = 0;
  private flushQueued = false;

  constructor(private readonly calls: SocketCalls) {
    const kind = { family: 6, tellsDestination: false } as const;
    this.sent = new DatagramBatch(calls.addressOf, kind, LONGEST_QUERY);
    this.received = new DatagramBatch(calls.addressOf, kind, LONGEST_DATAGRAM);
  }

  get batch(): number {
    return this.batches;
  }

  open(upstream: Endpoint, listener: UdpSocketListener): UdpSocket {
    const { calls } = this;
    const isVersion6 = isIPv6(upstream.address);
    const type = Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK;
    const descriptor = calls.socket(isVersion6 ? Linux.AF_INET6 : Linux.AF_INET, type, 0);
    if (descriptor < 0) return failedSocket(callError('socket', calls.errorCode()), listener);
    const address = socketAddress(upstream, calls);
    if (calls.connect(descriptor, address, address.length) !== 0) {
      const error = callError('connect', calls.errorCode());
      calls.close(descriptor);
      return failedSocket(error, listener);
    }
    return new MmsgSocket(this, createSocket(isVersion6 ? 'udp6' : 'udp4'), descriptor, listener);
  }

  /** Adds a datagram to the batch, which is sent at the end of this turn of the event loop at the latest. */
  add(socket: MmsgSocket, message: Uint8Array): void {
    if (this.sender !== socket) this.flush();
    this.sender = socket;
    const room = this.sent.payloads[this.count] as Uint8Array;
    for (let index = 0; index < message.length; index++) room[index] = message[index] as number;
    this.sent.toPeer(this.count, message.length);
    this.count += 1;
    if (this.count === BATCH_SIZE) this.flush();
    if (this.flushQueued) return;
    this.flushQueued = true;
    queueMicrotask(() => {
      this.flushQueued = false;
      this.batches += 1;
      this.flush();
    });
  }

  /** Sends now what the batch holds for this socket. */
  flushFor(socket: MmsgSocket): void {
    if (this.sender === socket) this.flush();
  }

  /**
   * Reads what has arrived at a socket, each message as a copy, until `onMessage` returns false. Returns the code of an
   * error.
   */
  receive(descriptor: number, onMessage: (message: Uint8Array) => boolean): string | undefined {
    const { calls, received } = this;
    for (let batch = 0; batch < MOST_BATCHES; batch++) {
      const count = calls.recvmmsg(descriptor, received.headers, BATCH_SIZE, Linux.MSG_DONTWAIT, null);
      if (count < 0) {
        const code = calls.errorCode();
        if (code === 'EINTR') continue;
        return code === 'EAGAIN' ? undefined : code;
      }
      const messages = Array.from({ length: count }, (_, index) => this.copyOf(index));
      for (const message of messages) if (!onMessage(message)) return undefined;
      if (count < BATCH_SIZE) return undefined;
    }
    return undefined;
  }

  private copyOf(index: number): Uint8Array {
    const length = this.received.lengthOf(index);
    const copy = this.slab.take(length);
    copyBytes(this.received.payloads[index] as Uint8Array, 0, length, copy, 0);
    return copy;
  }

  private flush(): void {
    const { sender, count } = this;
    this.sender = undefined;
    this.count = 0;
    if (sender === undefined || count === 0) return;
    const unsent = sendBatch(this.calls, sender.descriptor, this.sent, count, Linux.MSG_DONTWAIT);
    // Without room in the socket's buffer they are lost, as on any network, and sent again when no reply comes.
    if (unsent !== undefined && unsent.code !== 'EAGAIN') sender.onCallFailed('send', unsent.code);
  }
}

/** A socket made by Jitsu and watched by Node: Node reads the first datagram that arrives, Jitsu all that follow it. */
class MmsgSocket implements UdpSocket {
  private closed = false;

  constructor(
    private readonly sockets: MmsgSockets,
    private readonly socket: Socket,
    readonly descriptor: number,
    private readonly listener: UdpSocketListener,
  ) {
    socket.on('message', (message) => this.read(message));
    socket.on('error', (error) => listener.onError(error, false));
    // From here on Node's socket owns the descriptor, and closes it.
    socket.bind({ fd: descriptor, exclusive: true });
  }

  send(message: Uint8Array): void {
    if (!this.closed) this.sockets.add(this, message);
  }

  close(): void {
    if (this.closed) return;
    this.sockets.flushFor(this);
    this.closed = true;
    this.socket.close();
  }

  onCallFailed(call: string, code: string): void {
    // Deferred, since `send` must not call back.
    setImmediate(() => {
      if (!this.closed) this.listener.onError(callError(call, code), false);
    });
  }

  private read(first: Uint8Array): void {
    this.listener.onMessage(first);
    if (this.closed) return;
    const code = this.sockets.receive(this.descriptor, (message) => {
      this.listener.onMessage(message);
      return !this.closed;
    });
    if (code !== undefined) this.onCallFailed('recvmmsg', code);
  }
}

/** A socket that could not be opened: the listener is called later, since `open` must not call back. */
function failedSocket(error: Error, listener: UdpSocketListener): UdpSocket {
  let closed = false;
  setImmediate(() => {
    if (!closed) listener.onError(error, true);
  });
  return {
    send: () => {},
    close: () => {
      closed = true;
    },
  };
}
