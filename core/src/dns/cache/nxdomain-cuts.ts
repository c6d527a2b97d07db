import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { RecordsAnswer } from '../../contracts/resolver.js';
import { withoutFirstLabel } from '../wire/compressed-name.js';
import { Rcode } from '../wire/dns-parameters.js';
import { cutKey, flagsIn, KeyFlag, nameIn } from './cache-key.js';
import { CachedAnswer } from './cached-answer.js';
import type { CacheEntry } from './sieve-store.js';

/** Queries with these flags want DNSSEC proof, or validate themselves: the source is asked each time. */
const NEEDS_MORE = KeyFlag.DnssecOk | KeyFlag.CheckingDisabled;

/**
 * The names that do not exist according to a cached answer: none has records of any type (RFC 2308, 5). No name below
 * one exists either (RFC 8020, 2), which only an answer proven by DNSSEC may say: one forged answer for a name would
 * deny all of its domain.
 */
export class NxdomainCuts {
  private readonly answers = new Map<string, CachedAnswer>();

  /** Adds an answer if it denies a name. It must be removed when the cache gives it up. */
  add(entry: CachedAnswer): void {
    const key = keyOf(entry);
    if (key !== undefined) this.answers.set(key, entry);
  }

  remove(entry: CacheEntry): void {
    const key = keyOf(entry);
    if (key !== undefined && this.answers.get(key) === entry) this.answers.delete(key);
  }

  /** NXDOMAIN for the question of a key whose name, or a name above it, is known not to exist. */
  answerAt(now: Milliseconds, key: string): RecordsAnswer | undefined {
    if (this.answers.size === 0 || (flagsIn(key) & NEEDS_MORE) !== 0) return undefined;
    const asked = nameIn(key);
    for (let name: string | undefined = asked; name !== undefined; name = withoutFirstLabel(name)) {
      const entry = this.answers.get(cutKey(name, key));
      if (entry === undefined || entry.expiresAt <= now) continue;
      if (name !== asked && !entry.deniesBelow) continue;
      const soa = entry.soaAt(now);
      if (soa !== undefined) return { rcode: Rcode.NameError, authorities: [soa] };
    }
    return undefined;
  }
}

function keyOf(entry: CacheEntry): string | undefined {
  if (!(entry instanceof CachedAnswer)) return undefined;
  const { deniedName: name, key } = entry;
  // The root always exists. The answer made of a cut has no AD, which must not be lost.
  const isUsable = name !== undefined && name.length > 1 && (flagsIn(key) & NEEDS_MORE) === 0 && !entry.isAuthentic;
  return isUsable ? cutKey(name, key) : undefined;
}
