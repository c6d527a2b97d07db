import type { UnikernelSettings } from '../config/settings.js';
import type { Milliseconds } from '../contracts/milliseconds.js';

/** A deadline that ends before the unikernel, and what it needs, are usually ready. */
export interface ShortDeadline {
  readonly unikernel: string;
  readonly deadline: Milliseconds;
  /** How long it usually takes, with what it needs. */
  readonly usual: Milliseconds;
  /** Those that take so long, one after the other; the unikernel is the last. */
  readonly chain: readonly string[];
}

interface Chain {
  readonly usual: Milliseconds;
  readonly names: readonly string[];
}

/**
 * The deadlines that are too short by what is known of earlier boots.
 * @param usualOf how long a unikernel is usually on its way, without what it needs; `undefined` where nobody knows
 */
export function shortDeadlines(
  unikernels: readonly Pick<UnikernelSettings, 'name' | 'needs' | 'deadline'>[],
  usualOf: (name: string) => Milliseconds | undefined,
): readonly ShortDeadline[] {
  const byName = new Map(unikernels.map((unikernel) => [unikernel.name, unikernel]));
  const chains = new Map<string, Chain>();
  /** Needs lead nowhere back: that was checked when they were read. */
  const chainOf = (name: string): Chain => {
    const known = chains.get(name);
    if (known !== undefined) return known;
    const slowest = (byName.get(name)?.needs ?? [])
      .map(chainOf)
      .reduce<Chain>((one, other) => (other.usual > one.usual ? other : one), { usual: 0, names: [] });
    const chain = { usual: slowest.usual + (usualOf(name) ?? 0), names: [...slowest.names, name] };
    chains.set(name, chain);
    return chain;
  };
  return unikernels.flatMap(({ name, deadline }) => {
    const { usual, names } = chainOf(name);
    return usual > deadline ? [{ unikernel: name, deadline, usual, chain: names }] : [];
  });
}
