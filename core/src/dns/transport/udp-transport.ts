import type { Endpoint } from '../../config/settings.js';
import type { Clock } from '../../contracts/clock.js';
import type { Logger } from '../../contracts/logger.js';
import type { AccessControl } from '../admission/access-control.js';
import type { PacketMemory } from '../packet-cache/packet-memory.js';
import type { MessageHandler } from './message-handler.js';

/** What the transports of all addresses share. */
export interface UdpContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many threads take datagrams of one address, where there are any. */
  readonly workers: number;
  readonly recursionAvailable: boolean;
  /** What threads answer from by themselves. */
  readonly packets: PacketMemory;
  /** Who may have it, and what is refused to the others. */
  readonly access: Pick<AccessControl, 'shared' | 'refusals'>;
}

/** One UDP address: hands over each datagram that it has no answer for, and sends back what comes of it. */
export interface UdpTransport {
  /** The port in use. */
  readonly port: number;
  /** Has the threads that answer by themselves go before whatever else wants a processor, or no more. */
  goFirst(first: boolean): void;
  /** Takes no more datagrams, and closes the socket when the last reply has left. */
  close(): Promise<void>;
}

/** A way to take datagrams: one by one by Node (`dgram`), or many at a time by calls of our own (`mmsg`). */
export interface UdpTransportKind {
  readonly name: 'dgram' | 'mmsg';
  /** @throws JITSU_LISTEN_FAILED, NativeSocketsUnavailable */
  open(endpoint: Endpoint, handler: MessageHandler, context: UdpContext): Promise<UdpTransport>;
}
