import type { SocketOptions } from 'node:dgram';

/**
 * The `lookup` of a datagram socket that only ever deals with addresses: without it Node would ask its resolver for each
 * of them, once for every datagram.
 */
export function numericLookup(family: 4 | 6): NonNullable<SocketOptions['lookup']> {
  return (host, _options, callback) => callback(null, host, family);
}
