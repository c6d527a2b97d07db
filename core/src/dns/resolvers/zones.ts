import type { ZoneSettings } from '../../config/settings.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { canonicalName, parentName } from '../wire/domain-name.js';

/** The timers of secondaries, if there were any, in seconds (RFC 1912, 2.2, shortened). */
const REFRESH = 3_600;
const RETRY = 600;
const EXPIRE = 86_400;

/** The longest zone name to which `hostmaster.` can be prepended within 255 bytes in wire form. */
const LONGEST_ZONE = 240;

/** What all SOA records have in common. */
export interface ZoneTiming {
  /** The TTL of the record and of negative answers, in seconds. */
  readonly ttl: number;
  readonly serial: number;
}

/**
 * The zones that Jitsu is authoritative for: the configured ones, and the parent domain of each name outside of them
 * (the original Jitsu's rule), for whose other names it does not answer. A name of a single label has none.
 */
export class Zones {
  private readonly configured = new Map<string, boolean>();
  private readonly parents = new Set<string>();

  /** @throws RangeError for an invalid name */
  constructor(
    names: Iterable<string>,
    settings: readonly ZoneSettings[],
    private readonly timing: ZoneTiming,
  ) {
    for (const { name, authoritative } of settings) this.configured.set(canonicalName(name), authoritative);
    let latest: string | undefined;
    for (const name of names) {
      const parent = parentName(canonicalName(name));
      // Consecutive names mostly have the same parent.
      if (parent === latest) continue;
      latest = parent;
      if (parent !== undefined && parent !== '' && this.closestConfigured(parent) === undefined)
        this.parents.add(parent);
    }
  }

  /** The apexes of the configured zones. */
  get configuredTops(): Iterable<string> {
    return this.configured.keys();
  }

  /** The SOA record at exactly this name in lower case. */
  soaAt(name: string): ResourceRecord | undefined {
    return this.configured.has(name) || this.parents.has(name) ? this.soa(name) : undefined;
  }

  /** The SOA record of the closest enclosing zone of this name, for negative answers (RFC 2308, 3). */
  soaAround(name: string): ResourceRecord | undefined {
    for (let top: string | undefined = name; top !== undefined; top = parentName(top)) {
      const soa = this.soaAt(top);
      if (soa !== undefined) return soa;
    }
    return undefined;
  }

  /** Whether unknown names in the zone of this name do not exist at all. */
  isAuthoritativeFor(name: string): boolean {
    const zone = this.closestConfigured(name);
    return zone !== undefined && this.configured.get(zone) === true;
  }

  private closestConfigured(name: string): string | undefined {
    if (this.configured.size === 0) return undefined;
    let top: string | undefined = name;
    while (top !== undefined && !this.configured.has(top)) top = parentName(top);
    return top;
  }

  private soa(zone: string): ResourceRecord {
    const { ttl, serial } = this.timing;
    const names = { mname: below('ns', zone), rname: below('hostmaster', zone) };
    return {
      name: zone,
      type: 'SOA',
      ttl,
      ...names,
      serial,
      refresh: REFRESH,
      retry: RETRY,
      expire: EXPIRE,
      minimum: ttl,
    };
  }
}

function below(label: string, zone: string): string {
  if (zone === '') return label;
  return zone.length > LONGEST_ZONE ? zone : `${label}.${zone}`;
}
