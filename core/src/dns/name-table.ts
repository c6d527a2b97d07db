import { isIP } from 'node:net';
import { reverseName } from './reverse-name.js';
import { canonicalName, parentName } from './wire/domain-name.js';

/** Somebody who stands behind names. */
export interface Named {
  readonly plan: {
    /** In presentation form; a first label of `*` stands for any name below. */
    readonly names: readonly string[];
    readonly addresses: readonly string[];
  };
}

/**
 * - `entries`: these stand behind the name; `name` is the configured one, such as `*.example.org`.
 * - `empty`: nobody does, but other names lie below (an empty non-terminal, RFC 4592, 2.2.2).
 */
export type NameMatch<T> =
  { readonly kind: 'entries'; readonly name: string; readonly entries: readonly T[] } | { readonly kind: 'empty' };

const EMPTY = { kind: 'empty' } as const;

/** Finds who stands behind a name: one look for an exact one, at most one for each label more for a wildcard. */
export class NameTable<T extends Named> {
  private readonly matches = new Map<string, { kind: 'entries'; name: string; entries: T[] } | typeof EMPTY>();
  private readonly reverse = new Map<string, string>();

  /**
   * @param cuts names that exist besides, so that no wildcard above reaches below them: the tops of zones
   * @throws RangeError for a name that is none
   */
  constructor(entries: readonly T[], cuts: Iterable<string> = []) {
    for (const entry of entries) this.add(entry);
    for (const cut of cuts) this.addEmpty(canonicalName(cut));
  }

  /** `name` in lower case, presentation form. `undefined`: no such name. */
  find(name: string): NameMatch<T> | undefined {
    const exact = this.matches.get(name);
    if (exact !== undefined) return exact;
    // RFC 4592, 3.3.1: only the wildcard right below the closest encloser counts.
    let encloser = parentName(name);
    while (encloser !== undefined && encloser !== '' && !this.matches.has(encloser)) encloser = parentName(encloser);
    if (encloser === undefined) return undefined;
    return this.matches.get(encloser === '' ? '*' : `*.${encloser}`);
  }

  /** The first name of the first whose address this `in-addr.arpa` or `ip6.arpa` name stands for; never a wildcard. */
  behindAddress(reverse: string): { readonly name: string; readonly entry: T } | undefined {
    const name = this.reverse.get(reverse);
    const match = name === undefined ? undefined : this.matches.get(name);
    if (name === undefined || match?.kind !== 'entries') return undefined;
    const entry = match.entries.find(({ plan }) =>
      plan.addresses.some((address) => isIP(address) && reverseName(address) === reverse),
    );
    return entry === undefined ? undefined : { name, entry };
  }

  private add(entry: T): void {
    const names = [...new Set(entry.plan.names.map(canonicalName))];
    for (const name of names) {
      const known = this.matches.get(name);
      if (known?.kind === 'entries') known.entries.push(entry);
      else this.matches.set(name, { kind: 'entries', name, entries: [entry] });
      this.addEmpty(parentName(name));
    }
    const own = names.find((name) => name !== '*' && !name.startsWith('*.'));
    if (own === undefined) return;
    for (const address of entry.plan.addresses) {
      const reverse = isIP(address) ? reverseName(address) : undefined;
      if (reverse !== undefined && !this.reverse.has(reverse)) this.reverse.set(reverse, own);
    }
  }

  private addEmpty(name: string | undefined): void {
    // Where a name is known, all those above it are.
    for (let empty = name; empty !== undefined && !this.matches.has(empty); empty = parentName(empty)) {
      this.matches.set(empty, EMPTY);
    }
  }
}
