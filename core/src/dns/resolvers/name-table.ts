import { isIPv4, isIPv6 } from 'node:net';
import { TextIndex } from '../../collections/text-index.js';
import { ipv6Bytes } from '../../net/address-bytes.js';
import { canonicalName, parentName } from '../wire/domain-name.js';

/** An entry with names. */
export interface Named {
  readonly plan: {
    /** In presentation form; a first label of `*` stands for any name below. */
    readonly names: readonly string[];
    readonly addresses: readonly string[];
  };
}

/**
 * - `entries`: these have the name; `name` is the configured one, such as `*.example.org`.
 * - `empty`: no entry has the name, but there are names below it (an empty non-terminal, RFC 4592, 2.2.2).
 */
export type NameMatch<T> =
  { readonly kind: 'entries'; readonly name: string; readonly entries: readonly T[] } | { readonly kind: 'empty' };

const EMPTY = { kind: 'empty' } as const;

/**
 * The entries of a name. Nearly always it is a single one, for which an array would be the larger part of the table.
 */
type Entries<T> = T | T[] | typeof EMPTY;

/** Finds the entries of a name: one lookup for an exact match, at most one per further label for a wildcard. */
export class NameTable<T extends Named> {
  private readonly names = new TextIndex<Entries<T>>();
  /** The first entry with each address, by {@link addressKey}. */
  private readonly addresses = new TextIndex<T>();
  /** The parent of the previous name, which is mostly the parent of the next one, too. */
  private above: string | undefined;

  /**
   * @param cuts further existing names, below which no wildcard above them applies: the apexes of zones
   * @throws RangeError for an invalid name
   */
  constructor(entries: readonly T[], cuts: Iterable<string> = []) {
    for (const entry of entries) this.add(entry);
    for (const cut of cuts) this.addEmpty(canonicalName(cut));
  }

  /** Finds `name` in lower case, presentation form. `undefined`: no such name. */
  find(name: string): NameMatch<T> | undefined {
    const exact = this.names.get(name);
    if (exact !== undefined) return matchOf(name, exact);
    // Only the wildcard directly below the closest encloser applies (RFC 4592, 3.3.1).
    let encloser = parentName(name);
    while (encloser !== undefined && encloser !== '' && !this.names.has(encloser)) encloser = parentName(encloser);
    if (encloser === undefined) return undefined;
    const wildcard = encloser === '' ? '*' : `*.${encloser}`;
    const behind = this.names.get(wildcard);
    return behind === undefined ? undefined : matchOf(wildcard, behind);
  }

  /** The first name of the first entry with the address of this `in-addr.arpa` or `ip6.arpa` name; never a wildcard. */
  behindAddress(reverse: string): { readonly name: string; readonly entry: T } | undefined {
    const entry = this.addresses.get(keyOfReverseName(reverse));
    const name = entry?.plan.names.map(canonicalName).find(isExact);
    return entry === undefined || name === undefined ? undefined : { name, entry };
  }

  private add(entry: T): void {
    const { names, addresses } = entry.plan;
    let hasExact = false;
    for (const written of names) {
      const name = canonicalName(written);
      hasExact ||= isExact(name);
      this.addName(name, entry);
      this.addAbove(name);
    }
    if (!hasExact) return;
    for (const address of addresses) {
      const key = addressKey(address);
      if (key !== undefined) this.addresses.add(key, entry);
    }
  }

  private addName(name: string, entry: T): void {
    const behind = this.names.add(name, entry);
    if (behind === undefined) return;
    if (behind === EMPTY) this.names.set(name, entry);
    else if (!Array.isArray(behind)) this.names.set(name, behind === entry ? entry : [behind as T, entry]);
    else if (behind.at(-1) !== entry) behind.push(entry);
  }

  private addAbove(name: string): void {
    const above = parentName(name);
    if (above === this.above) return;
    this.above = above;
    this.addEmpty(above);
  }

  private addEmpty(name: string | undefined): void {
    // Where a name is known, all its parents are.
    for (let empty = name; empty !== undefined && !this.names.has(empty); empty = parentName(empty)) {
      this.names.set(empty, EMPTY);
    }
  }
}

function matchOf<T>(name: string, behind: Entries<T>): NameMatch<T> {
  if (behind === EMPTY) return EMPTY;
  return { kind: 'entries', name, entries: Array.isArray(behind) ? behind : [behind as T] };
}

function isExact(name: string): boolean {
  return name !== '*' && !name.startsWith('*.');
}

/** The owner of an IPv6 address's PTR record (RFC 3596, 2.5). */
function ipv6ReverseName(address: string): string {
  const nibbles = [...ipv6Bytes(address)].flatMap((byte) => [byte >> 4, byte & 0x0f]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`;
}

const IN_ADDR = '.in-addr.arpa';

/**
 * The key of an address: an IPv4 address itself, which is in memory already; for an IPv6 address, which has several
 * spellings, its reverse name. `undefined` for an invalid address.
 */
function addressKey(address: string): string | undefined {
  if (isIPv4(address)) return address;
  return isIPv6(address) ? ipv6ReverseName(address) : undefined;
}

/** The {@link addressKey} of the address that a reverse name stands for; for other names, a key that no address has. */
function keyOfReverseName(reverse: string): string {
  return reverse.endsWith(IN_ADDR) ? reverse.slice(0, -IN_ADDR.length).split('.').reverse().join('.') : reverse;
}
