import type { DnsQuery, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { minimalAny } from './forwarding-gate.js';
import { ExtendedErrorCode, Rcode, RecordType } from '../wire/dns-parameters.js';

/** The TTL of records that never change, and of their absence, in seconds (RFC 6303, 3). */
const TTL = 10_800;

const LOOPBACK_ZONE = '127.in-addr.arpa';
const LOOPBACK_IPV6 = `1.${'0.'.repeat(31)}ip6.arpa`;
/** The last labels of all special names. */
const TOPS: ReadonlySet<string> = new Set(['localhost', 'invalid', 'onion', 'arpa']);
const OCTET = /^(0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])$/;

/**
 * Names with the same meaning everywhere, which are never forwarded: `localhost`, `invalid` (RFC 6761, 6.3 and 6.4),
 * `onion` (RFC 7686, 2), and the reverse names of loopback addresses (RFC 6303, 4.2 and 4.3). All other special names
 * may have a meaning in the client's network, and are left to the forwarder; docs/dns.md lists each.
 */
export class SpecialNames implements Resolver {
  resolve(query: DnsQuery): RecordsAnswer | undefined {
    const { name } = query;
    if (!TOPS.has(name.slice(name.lastIndexOf('.') + 1))) return undefined;
    if (isWithin(name, 'localhost')) return localhost(query);
    if (isWithin(name, 'invalid')) return noSuchName('invalid', 'no name below invalid exists (RFC 6761)');
    if (isWithin(name, 'onion')) return noSuchName('onion', 'onion names are not looked up in the DNS (RFC 7686)');
    if (isWithin(name, LOOPBACK_ZONE)) return loopbackPointer(query);
    if (name === LOOPBACK_IPV6) return atName(query, LOOPBACK_IPV6, [pointer(name)]);
    return undefined;
  }
}

function localhost(query: DnsQuery): RecordsAnswer {
  const { name } = query;
  return atName(query, 'localhost', [
    { name, type: 'A', ttl: TTL, address: '127.0.0.1' },
    { name, type: 'AAAA', ttl: TTL, address: '::1' },
  ]);
}

function loopbackPointer(query: DnsQuery): RecordsAnswer {
  const labels = query.name.slice(0, -LOOPBACK_ZONE.length).split('.').slice(0, -1);
  if (labels.length > 3 || !labels.every((label) => OCTET.test(label))) return noSuchName(LOOPBACK_ZONE);
  return atName(query, LOOPBACK_ZONE, labels.length === 3 ? [pointer(query.name)] : []);
}

/** The answer where these are all records of a name, besides the SOA at the apex of its zone. */
function atName({ name, type }: DnsQuery, zone: string, records: readonly ResourceRecord[]): RecordsAnswer {
  const own = name === zone ? [...records, soa(zone)] : records;
  const answers =
    type === RecordType.ANY && own.length > 0
      ? [minimalAny(name, TTL)]
      : own.filter((record) => typeof record.type === 'string' && RecordType[record.type] === type);
  return { rcode: Rcode.NoError, authoritative: true, answers, authorities: answers.length > 0 ? [] : [soa(zone)] };
}

function noSuchName(zone: string, text?: string): RecordsAnswer {
  const answer = { rcode: Rcode.NameError, authoritative: true, authorities: [soa(zone)] };
  return text === undefined ? answer : { ...answer, extendedError: { code: ExtendedErrorCode.Synthesized, text } };
}

function pointer(name: string): ResourceRecord {
  return { name, type: 'PTR', ttl: TTL, target: 'localhost' };
}

/** The SOA record of a zone that is the same everywhere (RFC 6303, 3). */
function soa(zone: string): ResourceRecord {
  const names = { mname: zone, rname: 'nobody.invalid' };
  const times = { serial: 1, refresh: 3_600, retry: 1_200, expire: 604_800, minimum: TTL };
  return { name: zone, type: 'SOA', ttl: TTL, ...names, ...times };
}

function isWithin(name: string, zone: string): boolean {
  if (!name.endsWith(zone)) return false;
  const before = name.slice(0, -zone.length);
  // A dot behind an odd number of backslashes is part of a label.
  return before === '' || (/(\\*)\.$/.exec(before)?.[1]?.length ?? 1) % 2 === 0;
}
