import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../config/settings.js';
import { callError } from '../../net/call-error.js';
import { Linux } from '../../net/linux.js';
import { socketAddress } from '../../net/socket-address.js';
import type { SocketCalls } from '../../net/socket-calls.js';
import type { BatchSender, PortBatches } from './port-batches.js';
import type { PortEvents, PortSocket } from './port-socket.js';

/**
 * A socket of our own making, which Node watches: the first datagram that arrives Node takes in, and with it all that
 * stand behind are taken in at once.
 */
export class BatchedPort implements PortSocket, BatchSender {
  private closed = false;

  private constructor(
    private readonly batches: PortBatches,
    private readonly socket: Socket,
    readonly descriptor: number,
    private readonly events: PortEvents,
  ) {
    socket.on('message', (message) => this.hear(message));
    socket.on('error', (error) => events.onError(error, false));
    // From here on the descriptor is the socket's, which closes it.
    socket.bind({ fd: descriptor, exclusive: true });
  }

  /** What cannot be opened is told as a fatal error, a moment later. */
  static open(calls: SocketCalls, batches: PortBatches, upstream: Endpoint, events: PortEvents): PortSocket {
    const isVersion6 = isIPv6(upstream.address);
    const type = Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC | Linux.SOCK_NONBLOCK;
    const descriptor = calls.socket(isVersion6 ? Linux.AF_INET6 : Linux.AF_INET, type, 0);
    if (descriptor < 0) return neverOpen(callError('socket', calls.errorCode()), events);
    const address = socketAddress(upstream, calls);
    if (calls.connect(descriptor, address, address.length) !== 0) {
      const error = callError('connect', calls.errorCode());
      calls.close(descriptor);
      return neverOpen(error, events);
    }
    return new BatchedPort(batches, createSocket(isVersion6 ? 'udp6' : 'udp4'), descriptor, events);
  }

  send(message: Uint8Array): void {
    if (!this.closed) this.batches.add(this, message);
  }

  close(): void {
    if (this.closed) return;
    this.batches.flushFor(this);
    this.closed = true;
    this.socket.close();
  }

  failed(call: string, code: string): void {
    // Later, as whoever sends does not expect to be called back meanwhile.
    setImmediate(() => {
      if (!this.closed) this.events.onError(callError(call, code), false);
    });
  }

  private hear(first: Uint8Array): void {
    this.events.onMessage(first);
    if (this.closed) return;
    const code = this.batches.take(this.descriptor, (message) => {
      this.events.onMessage(message);
      return !this.closed;
    });
    if (code !== undefined) this.failed('recvmmsg', code);
  }
}

function neverOpen(error: Error, events: PortEvents): PortSocket {
  let closed = false;
  setImmediate(() => {
    if (!closed) events.onError(error, true);
  });
  return {
    send: () => {},
    close: () => {
      closed = true;
    },
  };
}
