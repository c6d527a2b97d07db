import type { Milliseconds } from '../../contracts/milliseconds.js';
import type { RecordsAnswer } from '../../contracts/resolver.js';
import { withoutFirstLabel } from '../wire/compressed-name.js';
import { Rcode } from '../wire/dns-parameters.js';
import { denialKey, flagsIn, KeyFlag, nameIn } from './cache-key.js';
import type { CacheEntry } from './cache-entry.js';
import { CachedAnswer } from './cached-answer.js';

/** Who asks so wants proof, or to see for itself, and is asked for upstream each time. */
const NEEDS_MORE = KeyFlag.DnssecOk | KeyFlag.CheckingDisabled;

/**
 * Which names do not exist by what is kept: neither does any below them, nor has one of them any type (RFC 8020, 2;
 * RFC 2308, 5).
 */
export class DeniedNames {
  private readonly denials = new Map<string, CachedAnswer>();

  /** Takes note of an answer, if it denies a name. Must be told of its removal. */
  add(entry: CachedAnswer): void {
    const key = keyOf(entry);
    if (key !== undefined) this.denials.set(key, entry);
  }

  remove(entry: CacheEntry): void {
    const key = keyOf(entry);
    if (key !== undefined && this.denials.get(key) === entry) this.denials.delete(key);
  }

  /** NXDOMAIN for the question of a key, if its name or one above is known not to exist. */
  answerAt(now: Milliseconds, key: string): RecordsAnswer | undefined {
    if (this.denials.size === 0 || (flagsIn(key) & NEEDS_MORE) !== 0) return undefined;
    for (let name: string | undefined = nameIn(key); name !== undefined; name = withoutFirstLabel(name)) {
      const entry = this.denials.get(denialKey(name, key));
      if (entry === undefined || entry.expiresAt <= now) continue;
      const soa = entry.denialAt(now);
      if (soa !== undefined) return { rcode: Rcode.NameError, authorities: [soa] };
    }
    return undefined;
  }
}

function keyOf(entry: CacheEntry): string | undefined {
  if (!(entry instanceof CachedAnswer)) return undefined;
  const { deniedName: name, key } = entry;
  // That the root does not exist is nonsense. The answer made of a denial has no AD, which must not be lost.
  const isUsable = name !== undefined && name.length > 1 && (flagsIn(key) & NEEDS_MORE) === 0 && !entry.isAuthentic;
  return isUsable ? denialKey(name, key) : undefined;
}
