import { isIPv6 } from 'node:net';
import type { Endpoint } from './endpoint.js';

/** An endpoint as text: `192.0.2.1:53`, `[2001:db8::1]:53`. */
export function endpointText({ address, port }: Endpoint): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}
