import type { DnsClient, DnsQuery } from '#core/contracts/resolver.js';
import { parseQuery } from '#core/dns/wire/query-parser.js';
import { queryBytes, type QueryOptions } from './dns-message.js';

export const udpClient: DnsClient = { address: '127.0.0.1', port: 40_000, transport: 'udp' };
export const tcpClient: DnsClient = { ...udpClient, transport: 'tcp' };

/** A query as resolvers get it. */
export function aQuery(name: string, options: QueryOptions = {}, client = udpClient): DnsQuery {
  const parsed = parseQuery(queryBytes(name, options), client);
  if (parsed.verdict !== 'accepted') throw new Error(`'${name}' makes no query: ${parsed.verdict}`);
  return parsed.query;
}
