import type { SocketOptions } from 'node:dgram';

/**
 * The `lookup` of a datagram socket that only uses addresses: without it Node would call its resolver for every
 * datagram.
 */
export function numericLookup(family: 4 | 6): NonNullable<SocketOptions['lookup']> {
  return (host, _options, callback) => callback(null, host, family);
}
