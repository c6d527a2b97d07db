import type { Rung } from '../netlink/netfilter.js';
import type { StoppedEndpoint } from '../netlink/endpoint.js';

/** How the kernel holds packets: one of the rungs of the ladder. */
export interface PacketHold<Packet = unknown> {
  readonly rung: Rung;
  /**
   * From when this returns, first packets to them are given to the listener. One that is armed already takes over what
   * becomes of connections. @throws Error of the system
   */
  arm(endpoints: readonly StoppedEndpoint[]): void;
  /** From when this returns, packets to them pass. @param keys of endpoints @throws Error of the system */
  disarm(keys: readonly string[]): void;
  /** They go on their way. */
  deliver(packets: readonly Packet[]): void;
  /** They are answered as a closed port does. */
  refuse(packets: readonly Packet[]): void;
  drop(packets: readonly Packet[]): void;
  /** Whether it can send packets of its own. */
  readonly sends: boolean;
  /** Sends a whole packet, whose checksums are left out; it may be lost. */
  send(packet: Buffer): void;
  /**
   * The kernel forgets what it tracks of connections to endpoints whose machines have ended.
   * @param keys of endpoints
   */
  forgetConnections(keys: ReadonlySet<string>): void;
}
