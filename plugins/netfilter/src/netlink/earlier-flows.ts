import { ABSENT, connectionsToAll, trackedConnections, type TrackedConnection } from './conntrack.js';
import { endpointKey, type Endpoint } from './endpoint.js';
import { NetlinkError } from './netlink-error.js';
import type { NetlinkSocket } from './netlink-socket.js';

/**
 * The open connections of TCP to these services, as far as the kernel tracks connections: rules that are new have not seen
 * their last payload. @throws NetlinkError
 */
export function earlierFlows(socket: NetlinkSocket, endpoints: readonly Endpoint[]): TrackedConnection[] {
  const services = new Set(endpoints.filter(({ protocol }) => protocol === 'tcp').map(endpointKey));
  const addresses = new Set(endpoints.map(({ address }) => address));
  try {
    if (services.size === 0 || trackedConnections(socket) === 0) return [];
    const all = connectionsToAll(socket, addresses);
    return all.filter(({ isEstablished, packets, service, servicePort, protocol }) => {
      // Nothing that nobody answers; where packets are not counted, that is not known.
      if (protocol !== 6 || !isEstablished || packets?.reply === 0) return false;
      return services.has(endpointKey({ address: service, protocol: 'tcp', port: servicePort }));
    });
  } catch (error) {
    if (error instanceof NetlinkError && ABSENT.includes(error.code)) return [];
    throw error;
  }
}
