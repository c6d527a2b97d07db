import type { Milliseconds } from '@jitsud/core/plugin';

/** A TCP connection of this system, as its end on the side of a service knows it. */
export interface TcpConnection {
  /** The other end, as IPv4 or IPv6 address. */
  readonly peer: string;
  readonly peerPort: number;
  /** How long ago the last payload was sent or came; absent where that is not known. */
  readonly idle?: Milliseconds;
  /** Present where the service has closed it, and the system only waits for late packets: how long ago that was. */
  readonly closed?: Milliseconds;
}

/** What a system knows of its TCP connections. */
export interface TcpTable {
  /**
   * The connections to this port at one of these addresses.
   * @throws the system's error
   */
  connectionsTo(addresses: readonly string[], port: number): readonly TcpConnection[];
}
