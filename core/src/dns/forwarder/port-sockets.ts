import type { DnsSettings, Endpoint } from '../../config/settings.js';
import { NativeSocketsUnavailable } from '../../net/native-sockets-unavailable.js';
import { loadSocketCalls, type SocketCalls } from '../../net/socket-calls.js';
import { BatchedPort } from './batched-port.js';
import { DgramPort } from './dgram-port.js';
import { PortBatches } from './port-batches.js';
import type { PortEvents, PortSocket } from './port-socket.js';

/** Opens sockets to upstreams. */
export interface PortSockets {
  open(upstream: Endpoint, events: PortEvents): PortSocket;
  /**
   * What leaves in the same turn of the event loop by one socket costs the least: a number that is the same until the
   * turn is over. Absent where it makes no difference.
   */
  readonly turn?: number;
}

/** Sockets as Node has them, which send and receive one datagram at a time. */
export const dgramPorts: PortSockets = {
  open: (upstream, events) => new DgramPort(upstream, events),
};

class BatchedPorts implements PortSockets {
  private readonly batches: PortBatches;

  constructor(private readonly calls: SocketCalls) {
    this.batches = new PortBatches(calls);
  }

  get turn(): number {
    return this.batches.turn;
  }

  open(upstream: Endpoint, events: PortEvents): PortSocket {
    return BatchedPort.open(this.calls, this.batches, upstream, events);
  }
}

/** The sockets that the setting asks for and this machine has; what is missing, the listeners tell. */
export async function portSockets(transport: DnsSettings['transport']): Promise<PortSockets> {
  if (transport === 'dgram') return dgramPorts;
  try {
    return new BatchedPorts(await loadSocketCalls());
  } catch (error) {
    if (error instanceof NativeSocketsUnavailable) return dgramPorts;
    throw error;
  }
}
