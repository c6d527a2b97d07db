import type { DnsQuery, RecordsAnswer, Resolver } from '../../contracts/resolver.js';
import type { AccessControl } from '../admission/access-control.js';
import { ExtendedErrorCode, Rcode } from '../wire/dns-parameters.js';

const REFUSED: RecordsAnswer = {
  rcode: Rcode.Refused,
  extendedError: { code: ExtendedErrorCode.Prohibited, text: 'other names are not forwarded for this client' },
};

/** Refuses forwarding to clients outside `dns.allowForwarding`. */
export class ForwardingGate implements Resolver {
  constructor(private readonly access: Pick<AccessControl, 'addressOf' | 'rules' | 'refusals'>) {}

  resolve({ client }: DnsQuery): RecordsAnswer | undefined {
    const address = this.access.addressOf(client);
    if (address === undefined || this.access.rules.mayForward(address)) return undefined;
    this.access.refusals.add('forwarding', client.address);
    return REFUSED;
  }
}
