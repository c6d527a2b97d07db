import { isIPv6 } from 'node:net';
import type { Endpoint } from './endpoint.js';
import { ipv4Bytes, ipv6Bytes } from './address-bytes.js';
import { Linux } from './linux.js';
import type { SocketCalls } from './socket-calls.js';

export type InterfaceCalls = Pick<SocketCalls, 'if_nametoindex' | 'if_indextoname'>;

/** An endpoint as a struct sockaddr_in or sockaddr_in6. The interface of a link-local address may follow a `%`. */
export function socketAddress({ address, port }: Endpoint, calls: InterfaceCalls): Buffer {
  const isVersion6 = isIPv6(address);
  const bytes = Buffer.alloc(isVersion6 ? 28 : 16);
  bytes.writeUInt16LE(isVersion6 ? Linux.AF_INET6 : Linux.AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  if (isVersion6) {
    const [plain = '', zone] = address.split('%');
    bytes.set(ipv6Bytes(plain), 8);
    if (zone !== undefined) bytes.writeUInt32LE(calls.if_nametoindex(zone) || Number(zone) || 0, 24);
  } else {
    bytes.set(ipv4Bytes(address), 4);
  }
  return bytes;
}
