import type { DnsQuery, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import type { AccessControl } from '../admission/access-control.js';
import { ExtendedErrorCode, Rcode, RecordType } from '../wire/dns-parameters.js';

const REFUSED: RecordsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.Prohibited, text: 'other names are not forwarded for this client' },
};

/** `RFC8482` and an empty string, each preceded by its length: the two fields of a HINFO record (RFC 1035, 3.3.2). */
const HINFO_DATA = Buffer.from('\x07RFC8482\x00', 'latin1');

/** The single record that answers a question of type ANY (RFC 8482, 4.2). @param ttl in seconds */
export function minimalAny(name: string, ttl: number): ResourceRecord {
  return { name, type: RecordType.HINFO, ttl, data: HINFO_DATA };
}

/**
 * Stands before the forwarder: refuses clients outside `dns.allowForwarding`, and answers questions of type ANY over
 * UDP itself, so that no large answer is sent to a forged source. It passes on queries that would not be forwarded.
 */
export class ForwardingGate implements Resolver {
  /** @param ttl of answers to ANY, in seconds */
  constructor(
    private readonly access: Pick<AccessControl, 'addressOf' | 'rules' | 'refusals'>,
    private readonly ttl: number,
  ) {}

  resolve({ name, type, client, recursionDesired }: DnsQuery): RecordsAnswer | undefined {
    const address = this.access.addressOf(client);
    if (address !== undefined && !this.access.rules.mayForward(address)) {
      this.access.refusals.add('forwarding', client.address);
      return REFUSED;
    }
    if (type !== RecordType.ANY || client.transport !== 'udp' || !recursionDesired) return undefined;
    return { rcode: Rcode.NoError, answers: [minimalAny(name, this.ttl)] };
  }
}
