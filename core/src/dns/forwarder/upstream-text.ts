import type { UpstreamSettings } from '../../config/settings.js';
import { endpointText } from '../../net/endpoint-text.js';

/** An upstream as people write it: `192.0.2.1:53`, `tls://192.0.2.1:853#dns.example.org`. */
export function upstreamText({ transport = 'udp', name, ...endpoint }: UpstreamSettings): string {
  const scheme = transport === 'udp' ? '' : `${transport}://`;
  return `${scheme}${endpointText(endpoint)}${name === undefined ? '' : `#${name}`}`;
}
