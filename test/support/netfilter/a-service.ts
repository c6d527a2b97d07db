import type { ArmedService } from '@jitsud/core/plugin';
import { GUEST, GUEST_MAC, TCP_PORT, UDP_PORT } from './routed-network.js';

/** A unikernel whose machine has ended, as the core arms it. */
export function aService(parts: Partial<ArmedService> = {}): ArmedService {
  return {
    unikernel: 'www',
    machine: 'www',
    addresses: [GUEST.ipv4, GUEST.ipv6],
    ports: [
      { protocol: 'tcp', port: TCP_PORT },
      { protocol: 'udp', port: UDP_PORT },
    ],
    macs: [GUEST_MAC],
    rules: { idle: 900_000, outgoing: false, conntrack: false, ignored: [] },
    connections: 'refuse',
    ...parts,
  };
}
