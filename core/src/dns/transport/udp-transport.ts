import type { Endpoint } from '../../net/endpoint.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { DnsClient } from '../../contracts/resolver.js';
import type { AccessControl } from '../admission/access-control.js';
import type { PacketMemory } from '../packet-cache/packet-memory.js';

/**
 * Takes a message from a transport and returns the reply, or `undefined` for none: synchronously where it is known.
 * Must neither throw nor reject.
 */
export type MessageHandler = (
  message: Uint8Array,
  client: DnsClient,
  /** Aborts when the client is gone. */
  signal?: AbortSignal,
) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

/**
 * Whether a message from this port gets no answer: 0, to which none can be sent, and the ports of services that answer
 * whatever they get (echo, daytime, quote of the day, chargen, time), as a forged message from there would start a loop.
 */
export function isSilentPort(port: number): boolean {
  // One comparison for nearly all messages.
  return port <= 37 && (port === 0 || port === 7 || port === 13 || port === 17 || port === 19 || port === 37);
}

/** What the UDP transports of all addresses share. */
export interface UdpContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** The number of receiving threads per address, for transports that have threads. */
  readonly workers: number;
  readonly recursionAvailable: boolean;
  /** The packet cache's memory, from which threads answer by themselves. */
  readonly packets: PacketMemory;
  /** Judges which clients may have a cached answer, and counts refusals. */
  readonly access: Pick<AccessControl, 'shared' | 'refusals'>;
  /** Sets the niceness of a thread where this process may not; returns whether it does. */
  readonly renice?: (task: number, niceness: number) => boolean;
}

/** One UDP address: hands over each datagram that it has no answer for, and sends back the reply. */
export interface UdpTransport {
  /** The port in use. */
  readonly port: number;
  /** Raises or restores the scheduling priority of threads that answer by themselves. */
  prioritize(raised: boolean): void;
  /**
   * Closes the socket when the last reply to what came before has been sent. What comes meanwhile is still handed over,
   * and answered where its reply is known at once, so that nobody asks in vain before the system refuses.
   */
  close(): Promise<void>;
}

/** A way to receive datagrams: one by one by Node (`dgram`), or many by one system call (`mmsg`). */
export interface UdpTransportKind {
  readonly name: 'dgram' | 'mmsg';
  /** @throws JITSU_LISTEN_FAILED, NativeSocketsUnavailable */
  open(endpoint: Endpoint, handler: MessageHandler, context: UdpContext): Promise<UdpTransport>;
}
