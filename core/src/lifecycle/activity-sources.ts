import type { Traffic } from '../contracts/activity-source.js';
import type { Clock } from '../contracts/clock.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import type { GuardedActivitySource } from './guarded-activity-source.js';
import { endpointsOf, isReachedAt } from './service-endpoints.js';
import type { Unikernel } from './unikernel.js';

/** What is known of the traffic to unikernels, by all sources together. */
export class ActivitySources {
  readonly #watching: readonly GuardedActivitySource[];
  /** What sources were told last of the unikernels that they see. */
  readonly #told = new Map<Unikernel, ServiceEndpoints>();
  /** When connections were last seen open, of those that had any. */
  readonly #seenOpen = new WeakMap<Unikernel, Milliseconds>();

  constructor(
    private readonly sources: readonly GuardedActivitySource[],
    private readonly clock: Pick<Clock, 'now'>,
  ) {
    this.#watching = sources.filter(({ watches }) => watches);
  }

  /** Whether any source can know the traffic to this unikernel. */
  see(unikernel: Unikernel): boolean {
    return this.sources.length > 0 && this.#of(unikernel, endpointsOf(unikernel)).length > 0;
  }

  /**
   * What is known of its traffic: the most connections, and the latest packet, that any source knows. Nothing of it where
   * a source cannot tell, unless another one knows of connections. One that its client has closed leaves no trace where
   * only open ones are known, so the last look that saw it open counts as its end. Never rejects.
   */
  async observe(unikernel: Unikernel): Promise<Traffic> {
    const endpoints = endpointsOf(unikernel);
    const sources = this.#of(unikernel, endpoints);
    const traffic = merged(await Promise.all(sources.map((source) => source.observe(endpoints))));
    if ((traffic.connections ?? 0) > 0) this.#seenOpen.set(unikernel, this.clock.now());
    if (traffic.connections !== 0) return traffic;
    const seenOpen = this.#seenOpen.get(unikernel) ?? -Infinity;
    // One of an earlier run has ended with that.
    if (seenOpen < unikernel.since || seenOpen <= (traffic.lastClosed ?? -Infinity)) return traffic;
    return { ...traffic, lastClosed: seenOpen };
  }

  /** To be called when a unikernel may be reached elsewhere: has its traffic remembered from now on. */
  heed(unikernel: Unikernel): void {
    if (this.#watching.length === 0) return;
    const told = this.#told.get(unikernel);
    if (told !== undefined && isReachedAt(told, unikernel)) return;
    const endpoints = endpointsOf(unikernel);
    const seeing = this.#watching.filter((source) => sees(source, unikernel, endpoints));
    if (seeing.length === 0) this.#told.delete(unikernel);
    else this.#told.set(unikernel, endpoints);
    for (const source of seeing) source.watch(endpoints);
  }

  forget(unikernel: Unikernel): void {
    this.#told.delete(unikernel);
  }

  #of(unikernel: Unikernel, endpoints: ServiceEndpoints): readonly GuardedActivitySource[] {
    return this.sources.filter((source) => sees(source, unikernel, endpoints));
  }
}

function sees(source: GuardedActivitySource, { plan }: Unikernel, endpoints: ServiceEndpoints): boolean {
  return (source.backendName === undefined || source.backendName === plan.backendName) && source.sees(endpoints);
}

/** @param found what each source knows; `undefined` of one that cannot tell */
function merged(found: readonly (Traffic | undefined)[]): Traffic {
  const known = found.filter((traffic) => traffic !== undefined);
  const connections = greatest(known.map((traffic) => traffic.connections));
  const isKnown = known.length === found.length;
  if (!isKnown && (connections ?? 0) === 0) return {};
  const lastPacket = greatest(known.map((traffic) => traffic.lastPacket));
  const lastClosed = greatest(known.map((traffic) => traffic.lastClosed));
  const details = new Set(known.flatMap(({ detail }) => detail ?? []));
  return {
    ...(connections !== undefined && { connections }),
    ...(lastPacket !== undefined && { lastPacket }),
    ...(lastClosed !== undefined && { lastClosed }),
    ...(details.size > 0 && { detail: [...details].join('; ') }),
  };
}

function greatest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}
