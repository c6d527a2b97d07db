import type { DnsSettings } from '../../config/settings.js';
import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';
import type { AccessControl } from '../admission/access-control.js';
import { canonicalName, isBelowOneOf } from '../wire/domain-name.js';
import { SpecialNames } from './special-names.js';

/**
 * Has upstreams asked for the types of a unikernel's name that lead to no connection, as Unbound does for a local zone
 * of the type `typetransparent`. `undefined` where another name would not be forwarded, either.
 */
export class TypesElsewhere implements Resolver {
  private readonly excepted: ReadonlySet<string>;
  private readonly special = new SpecialNames();

  constructor(
    private readonly source: Resolver,
    private readonly access: Pick<AccessControl, 'addressOf' | 'rules'>,
    { forwardExcept }: Pick<DnsSettings, 'forwardExcept'>,
  ) {
    this.excepted = new Set(forwardExcept.map(canonicalName));
  }

  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    if (!query.recursionDesired || isBelowOneOf(query.name, this.excepted)) return undefined;
    if (this.special.resolve(query) !== undefined) return undefined;
    const address = this.access.addressOf(query.client);
    if (address !== undefined && !this.access.rules.mayForward(address)) return undefined;
    return this.source.resolve(query, signal);
  }
}
