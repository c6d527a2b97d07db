import { addressBytes } from '../net/address-bytes.js';
import type { Endpoint } from '../net/endpoint.js';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

/** Version 2, command PROXY. */
const PROXY = 0x21;

const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;

/**
 * The header of the PROXY protocol, version 2 (haproxy.org, proxy-protocol.txt, 2.2), for a TCP connection whose two ends
 * have addresses of one family.
 */
export function proxyHeader(source: Endpoint, destination: Endpoint): Buffer {
  const from = addressBytes(withoutScope(source.address)) as Uint8Array;
  const to = addressBytes(withoutScope(destination.address)) as Uint8Array;
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const start = Buffer.from([PROXY, from.length === 4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, 0, 0]);
  start.writeUInt16BE(from.length + to.length + ports.length, 2);
  return Buffer.concat([SIGNATURE, start, from, to, ports]);
}

function withoutScope(address: string): string {
  return address.replace(/%.*/, '');
}
