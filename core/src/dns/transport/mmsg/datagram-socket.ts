import { isIPv6 } from 'node:net';
import type { Endpoint } from '../../../net/endpoint.js';
import { allowAbsent, isAbsent } from '../../../net/bind-early.js';
import { listenError } from '../listen-error.js';
import { destinationOption, type DatagramKind } from '../../../net/datagram-batch.js';
import { Linux } from '../../../net/linux.js';
import { socketAddress } from '../../../net/socket-address.js';
import { callError, type SocketCalls } from '../../../net/socket-calls.js';

/** The receive buffer, which holds what arrives while the threads are busy, in bytes; the kernel may grant less. */
const RECEIVE_BUFFER = 4_194_304;

/** How long a thread waits for room to send, in seconds: bounded, as a waiting thread could not be ended. */
const SEND_TIMEOUT = 1;

/** A bound UDP socket with blocking receive calls. Node knows only its file descriptor. */
export class DatagramSocket {
  private constructor(
    private readonly calls: SocketCalls,
    /** The number of the file descriptor. */
    readonly descriptor: number,
    readonly kind: DatagramKind,
    readonly port: number,
  ) {}

  /**
   * Opens one socket, or several that share a port, of which the kernel gives each client to one. No other process can
   * get the port, then or later, but one of the same user that asks to share it.
   * @throws JITSU_LISTEN_FAILED
   */
  static open(calls: SocketCalls, endpoint: Endpoint, count: number): DatagramSocket[] {
    const sockets: DatagramSocket[] = [];
    try {
      // The first socket is bound without sharing, so that it fails where the port is taken, also by another Jitsu that
      // shares it.
      const first = DatagramSocket.bind(calls, endpoint, false);
      sockets.push(first);
      if (count > 1) first.set(Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1);
      while (sockets.length < count) {
        sockets.push(DatagramSocket.bind(calls, { address: endpoint.address, port: first.port }, true));
      }
      return sockets;
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw listenError('UDP', endpoint, error);
    }
  }

  /** Ends all receive calls, current and future ones. Replies can still be sent. */
  endReceiving(): void {
    // On an unconnected socket the call returns an error, but has its effect (inet_shutdown in Linux).
    this.calls.shutdown(this.descriptor, Linux.SHUT_RD);
  }

  /** The descriptor must not be used any more: the next file that is opened gets its number. */
  close(): void {
    this.calls.close(this.descriptor);
  }

  private static bind(calls: SocketCalls, endpoint: Endpoint, shared: boolean): DatagramSocket {
    const family = isIPv6(endpoint.address) ? 6 : 4;
    const type = Linux.SOCK_DGRAM | Linux.SOCK_CLOEXEC;
    const descriptor = calls.socket(family === 6 ? Linux.AF_INET6 : Linux.AF_INET, type, 0);
    if (descriptor < 0) throw callError('socket', calls.errorCode());
    try {
      const name = socketAddress(endpoint, calls);
      const tellsDestination = name.subarray(family === 6 ? 8 : 4).every((byte) => byte === 0);
      const kind: DatagramKind = { family, tellsDestination };
      const unbound = new DatagramSocket(calls, descriptor, kind, 0);
      if (family === 6) unbound.set(Linux.IPPROTO_IPV6, Linux.IPV6_V6ONLY, 1);
      if (shared) unbound.set(Linux.SOL_SOCKET, Linux.SO_REUSEPORT, 1);
      if (tellsDestination) {
        const { level, name: option } = destinationOption(kind);
        unbound.set(level, option, 1);
      }
      unbound.setBuffers();
      unbound.bindTo(endpoint.address, name);
      return new DatagramSocket(calls, descriptor, kind, portOf(calls, descriptor));
    } catch (error) {
      calls.close(descriptor);
      throw error;
    }
  }

  private set(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    const { calls, descriptor } = this;
    if (calls.setsockopt(descriptor, level, name, bytes, bytes.length) !== 0)
      throw callError('setsockopt', calls.errorCode());
  }

  /** An address that this machine does not have may come later. */
  private bindTo(address: string, name: Buffer): void {
    const { calls, descriptor } = this;
    if (calls.bind(descriptor, name, name.length) === 0) return;
    const error = callError('bind', calls.errorCode());
    if (!isAbsent(error)) throw error;
    allowAbsent(calls, descriptor, address);
    if (calls.bind(descriptor, name, name.length) !== 0) throw callError('bind', calls.errorCode());
  }

  private setBuffers(): void {
    const { calls, descriptor } = this;
    const size = Buffer.alloc(4);
    size.writeInt32LE(RECEIVE_BUFFER);
    // Only root may exceed net.core.rmem_max; for others the kernel grants that much.
    if (calls.setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_RCVBUFFORCE, size, size.length) !== 0) {
      calls.setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_RCVBUF, size, size.length);
    }
    const timeout = Buffer.alloc(16);
    timeout.writeBigInt64LE(BigInt(SEND_TIMEOUT));
    if (calls.setsockopt(descriptor, Linux.SOL_SOCKET, Linux.SO_SNDTIMEO, timeout, timeout.length) !== 0) {
      throw callError('setsockopt', calls.errorCode());
    }
  }
}

function portOf(calls: SocketCalls, descriptor: number): number {
  const name = Buffer.alloc(128);
  const length = Buffer.alloc(4);
  length.writeInt32LE(name.length);
  if (calls.getsockname(descriptor, name, length) !== 0) throw callError('getsockname', calls.errorCode());
  return name.readUInt16BE(2);
}
