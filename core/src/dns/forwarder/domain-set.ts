import { canonicalName, parentName } from '../wire/domain-name.js';

/** Domains with all that lies below them. */
export class DomainSet {
  private readonly tops: ReadonlySet<string>;

  constructor(domains: readonly string[]) {
    this.tops = new Set(domains.map(canonicalName));
  }

  /** Whether a name, in lower case and presentation form, is one of the domains or lies below one. */
  includes(name: string): boolean {
    if (this.tops.size === 0) return false;
    let domain: string | undefined = name;
    while (domain !== undefined && !this.tops.has(domain)) domain = parentName(domain);
    return domain !== undefined;
  }
}
