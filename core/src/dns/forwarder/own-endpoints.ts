import ipaddr from 'ipaddr.js';
import { networkInterfaces } from 'node:os';
import type { Endpoint } from '../../config/settings.js';

const UNSPECIFIED = ['0.0.0.0', '::'];

/** Whether a query to this upstream would come back to ourselves, listening where we do. */
export function isOwnEndpoint(upstream: Endpoint, listening: readonly Endpoint[]): boolean {
  const target = plain(upstream.address);
  return listening.some(({ address, port }) => {
    if (port !== upstream.port) return false;
    const own = plain(address);
    if (own === target) return true;
    const everywhere = UNSPECIFIED.includes(own) && own.includes(':') === target.includes(':');
    // The unspecified address as a target means this machine.
    return UNSPECIFIED.includes(target) ? isLoopback(own) || everywhere : everywhere && isLocal(target);
  });
}

function isLocal(address: string): boolean {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return isLoopback(address) || interfaces.some((own) => plain(own.address) === address);
}

function isLoopback(address: string): boolean {
  return ipaddr.parse(address).range() === 'loopback';
}

/** Without its interface, shortened, and an IPv4 address as one. */
function plain(address: string): string {
  return ipaddr.process(address.replace(/%.*/, '')).toString();
}
