import type { DnsAnswer, DnsQuery, Resolver } from '../../contracts/resolver.js';

/** The name of the plugin's resolver that has given an answer. */
const names = new WeakMap<DnsAnswer, string>();

/** `the resolver NAME` for an answer of a {@link NamedResolver}, else `a resolver`. */
export function resolverOf(answer: DnsAnswer): string {
  const name = names.get(answer);
  return name === undefined ? 'a resolver' : `the resolver ${name}`;
}

/** A resolver of a plugin, whose answers are remembered as its own: the log says whose answer cannot be sent. */
export class NamedResolver implements Resolver {
  constructor(
    private readonly name: string,
    private readonly resolver: Resolver,
  ) {}

  resolve(query: DnsQuery, signal: AbortSignal): DnsAnswer | undefined | Promise<DnsAnswer | undefined> {
    const answer = this.resolver.resolve(query, signal);
    if (answer === undefined) return undefined;
    if (typeof answer !== 'object' || !('then' in answer)) return this.named(answer);
    // A plugin's promise may be of another implementation.
    return Promise.resolve(answer).then((given) => this.named(given));
  }

  private named<T extends DnsAnswer | undefined>(answer: T): T {
    // A plugin may give anything.
    if (typeof answer === 'object' && (answer as DnsAnswer | null) !== null) names.set(answer, this.name);
    return answer;
  }
}
