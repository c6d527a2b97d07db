import type { ZoneSettings } from '../../config/settings.js';
import type { ResourceRecord } from '../../contracts/resource-record.js';
import { canonicalName, isBelowOneOf, parentName } from '../wire/domain-name.js';

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
 * Domains that the public DNS does not delegate (RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476, and
 * `internal` by a resolution of ICANN of 2024): an SOA record in them is taken from nobody.
 */
const RESERVED: ReadonlySet<string> = new Set([
  'alt',
  'example',
  'home.arpa',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
  'test',
]);

/**
 * The zones whose SOA record is Jitsu's: the configured ones, and below reserved domains the parent domain of each name
 * outside of them (the original Jitsu's rule). Any other parent is somebody else's, whose SOA record ACME clients and
 * nsupdate look for: a name there is the top of a zone of its own in the answers that deny it data.
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
    this.add(names);
  }

  /** These names are there as well. @throws RangeError for an invalid name */
  add(names: Iterable<string>): void {
    let latest: string | undefined;
    for (const name of names) {
      const parent = parentName(canonicalName(name));
      // Consecutive names mostly have the same parent.
      if (parent === latest) continue;
      latest = parent;
      if (parent === undefined || !isBelowOneOf(parent, RESERVED)) continue;
      if (this.closestConfigured(parent) === undefined) this.parents.add(parent);
    }
  }

  /**
   * These names are not there any more.
   * @param isLeft whether a domain has any name left
   */
  remove(names: Iterable<string>, isLeft: (domain: string) => boolean): void {
    for (const name of names) {
      const parent = parentName(canonicalName(name));
      if (parent !== undefined && !isLeft(parent)) this.parents.delete(parent);
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

  /** The SOA record of the closest enclosing zone of this name; `undefined` where that is somebody else's. */
  soaAround(name: string): ResourceRecord | undefined {
    for (let top: string | undefined = name; top !== undefined; top = parentName(top)) {
      const soa = this.soaAt(top);
      if (soa !== undefined) return soa;
    }
    return undefined;
  }

  /** The SOA record by which it may be remembered that this name has no data (RFC 2308, 3). */
  soaFor(name: string): ResourceRecord {
    return this.soaAround(name) ?? this.soa(name);
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
