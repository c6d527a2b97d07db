import type { Endpoint } from '../../config/settings.js';
import { isLoopback, isOwnAddress, plainAddress } from '../../net/own-address.js';

const UNSPECIFIED = ['0.0.0.0', '::'];

/** Whether a query to this upstream would come back to ourselves, listening where we do. */
export function isOwnEndpoint(upstream: Endpoint, listening: readonly Endpoint[]): boolean {
  const target = plainAddress(upstream.address);
  return listening.some(({ address, port }) => {
    if (port !== upstream.port) return false;
    const own = plainAddress(address);
    if (own === target) return true;
    const everywhere = UNSPECIFIED.includes(own) && own.includes(':') === target.includes(':');
    // The unspecified address as a target means this machine.
    return UNSPECIFIED.includes(target) ? isLoopback(own) || everywhere : everywhere && isOwnAddress(target);
  });
}
