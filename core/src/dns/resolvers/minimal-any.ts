import type { DnsQuery, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { Rcode, RecordType } from '../wire/dns-parameters.js';

/** `RFC8482` and an empty string, each preceded by its length: the two fields of a HINFO record (RFC 1035, 3.3.2). */
const HINFO_DATA = Buffer.from('\x07RFC8482\x00', 'latin1');

/** The single record that answers a question of type ANY (RFC 8482, 4.2). */
export function minimalAny(name: string, ttl: number): ResourceRecord {
  return { name, type: RecordType.HINFO, ttl, data: HINFO_DATA };
}

/**
 * Answers questions of type ANY over UDP itself, whatever the name, so that no large answer is sent to a forged source;
 * over TCP, the resolvers behind it answer. It stands before the forwarder, and passes on queries that would not be
 * forwarded.
 */
export class MinimalAny implements Resolver {
  /** @param ttl in seconds */
  constructor(private readonly ttl: number) {}

  resolve({ name, type, client, recursionDesired }: DnsQuery): RecordsAnswer | undefined {
    if (type !== RecordType.ANY || client.transport !== 'udp' || !recursionDesired) return undefined;
    return { rcode: Rcode.NoError, answers: [minimalAny(name, this.ttl)] };
  }
}
