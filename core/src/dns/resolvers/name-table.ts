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

/** The names and addresses by which an entry is found, as keys of the table. */
interface Keys {
  readonly names: ReadonlySet<string>;
  readonly addresses: ReadonlySet<string>;
}

const NO_KEYS: Keys = { names: new Set(), addresses: new Set() };

/** Finds the entries of a name: one lookup for an exact match, at most one per further label for a wildcard. */
export class NameTable<T extends Named> {
  private readonly names = new TextIndex<Entries<T>>();
  /** The entries with each address, by {@link addressKey}. */
  private readonly addresses = new TextIndex<Entries<T>>();
  /** Names that exist whatever entries there are. */
  private readonly cuts: ReadonlySet<string>;
  /** The parent of the previous name, which is mostly the parent of the next one, too. */
  private above: string | undefined;
  /** How many names of the table lie directly below each; not counted before the first entry goes. */
  private below: Map<string, number> | undefined;

  /**
   * @param cuts further existing names, below which no wildcard above them applies: the apexes of zones
   * @throws RangeError for an invalid name
   */
  constructor(entries: readonly T[], cuts: Iterable<string> = []) {
    this.cuts = new Set([...cuts].map(canonicalName));
    for (const entry of entries) this.addFirst(entry);
    for (const cut of this.cuts) this.addEmpty(cut);
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

  /** Whether this name, in lower case and presentation form, is that of an entry, or lies above one. */
  has(name: string): boolean {
    return this.names.has(name);
  }

  /** The first name of the first entry with the address of this `in-addr.arpa` or `ip6.arpa` name; never a wildcard. */
  behindAddress(reverse: string): { readonly name: string; readonly entry: T } | undefined {
    const entry = listOf(this.addresses.get(keyOfReverseName(reverse)))[0];
    const name = entry?.plan.names.map(canonicalName).find(isExact);
    return entry === undefined || name === undefined ? undefined : { name, entry };
  }

  /** Takes in an entry, behind those that share a name or an address with it. @throws RangeError for an invalid name */
  add(entry: T): void {
    this.rename(entry, NO_KEYS, keysOf(entry.plan));
  }

  /** Removes an entry, and all names that exist for it alone. */
  remove(entry: T): void {
    this.rename(entry, keysOf(entry.plan), NO_KEYS);
  }

  /**
   * The names or the addresses of an entry have changed: it keeps its place where it is found as before.
   * @throws RangeError for an invalid name; nothing has changed then
   */
  change(entry: T, before: Named['plan']): void {
    this.rename(entry, keysOf(before), keysOf(entry.plan));
  }

  /** As {@link add}, while nobody has found anything yet. */
  private addFirst(entry: T): void {
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
      if (key !== undefined) addEntry(this.addresses, key, entry);
    }
  }

  private rename(entry: T, before: Keys, now: Keys): void {
    for (const name of now.names) {
      if (before.names.has(name)) continue;
      ownList(this.names, name);
      this.addName(name, entry);
      this.addAbove(name);
    }
    for (const name of before.names) if (!now.names.has(name)) this.removeName(name, entry);
    for (const key of now.addresses) if (!before.addresses.has(key)) addEntry(this.addresses, key, entry);
    for (const key of before.addresses) {
      if (!now.addresses.has(key) && removeEntry(this.addresses, key, entry)) this.addresses.delete(key);
    }
  }

  private addName(name: string, entry: T): void {
    if (addEntry(this.names, name, entry)) this.count(name, 1);
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
      this.count(empty, 1);
    }
  }

  private removeName(removed: string, entry: T): void {
    if (!removeEntry(this.names, removed, entry)) return;
    const below = (this.below ??= this.countBelow());
    this.names.set(removed, EMPTY);
    // It is gone where nothing else makes it exist, and so are those above it that existed for it.
    for (let name: string | undefined = removed; name !== undefined; name = parentName(name)) {
      if (this.names.get(name) !== EMPTY || below.has(name) || this.cuts.has(name)) return;
      this.names.delete(name);
      this.count(name, -1);
      if (name === this.above) this.above = undefined;
    }
  }

  private countBelow(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const name of this.names.keys()) {
      const parent = parentName(name);
      if (parent !== undefined) counts.set(parent, (counts.get(parent) ?? 0) + 1);
    }
    return counts;
  }

  /** There is one name more or less below the parent of this one. */
  private count(name: string, change: 1 | -1): void {
    const parent = this.below === undefined ? undefined : parentName(name);
    if (parent === undefined) return;
    const count = (this.below?.get(parent) ?? 0) + change;
    if (count === 0) this.below?.delete(parent);
    else this.below?.set(parent, count);
  }
}

function keysOf({ names, addresses }: Named['plan']): Keys {
  const canonical = names.map(canonicalName);
  const keys = canonical.some(isExact) ? addresses.map(addressKey).filter((key) => key !== undefined) : [];
  return { names: new Set(canonical), addresses: new Set(keys) };
}

/** Returns whether the key is new. */
function addEntry<T>(index: TextIndex<Entries<T>>, key: string, entry: T): boolean {
  const behind = index.add(key, entry);
  if (behind === undefined) return true;
  if (behind === EMPTY) index.set(key, entry);
  else if (!Array.isArray(behind)) index.set(key, behind === entry ? entry : [behind as T, entry]);
  else if (behind.at(-1) !== entry) behind.push(entry);
  return false;
}

/** Has those of a key in a new list: whoever has found the present one may still go through it. */
function ownList<T>(index: TextIndex<Entries<T>>, key: string): void {
  const behind = index.get(key);
  if (Array.isArray(behind)) index.set(key, behind.slice());
}

/** Returns whether there was none but this one; it is left in its place then. */
function removeEntry<T>(index: TextIndex<Entries<T>>, key: string, entry: T): boolean {
  const behind = index.get(key);
  if (!Array.isArray(behind)) return behind === entry;
  // A new list, as in ownList.
  const rest = behind.filter((other) => other !== entry);
  index.set(key, rest.length === 1 ? (rest[0] as T) : rest);
  return false;
}

function listOf<T>(behind: Entries<T> | undefined): readonly T[] {
  if (behind === undefined || behind === EMPTY) return [];
  return Array.isArray(behind) ? behind : [behind as T];
}

function matchOf<T>(name: string, behind: Entries<T>): NameMatch<T> {
  if (behind === EMPTY) return EMPTY;
  return { kind: 'entries', name, entries: listOf(behind) };
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
