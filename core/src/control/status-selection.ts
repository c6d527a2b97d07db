import type { Unikernel } from '../lifecycle/unikernel.js';

/**
 * Those that a report shows, at most so many: all where they fit, else first those of which there is something to tell,
 * then others, in the order of the configuration.
 */
export function selectForStatus(
  unikernels: { readonly size: number; values(): Iterable<Unikernel> },
  limit: number,
): readonly Unikernel[] {
  if (unikernels.size <= limit) return [...unikernels.values()];
  const stirring: Unikernel[] = [];
  const quiet: Unikernel[] = [];
  for (const unikernel of unikernels.values()) {
    const list = isStirring(unikernel) ? stirring : quiet;
    if (list.length < limit) list.push(unikernel);
  }
  return stirring.concat(quiet.slice(0, limit - stirring.length));
}

/** Whether it has been asked for, runs, or has failed. */
function isStirring({ state, isCounted, summon, failure }: Unikernel): boolean {
  return isCounted || state !== 'off' || summon !== undefined || failure !== undefined;
}
