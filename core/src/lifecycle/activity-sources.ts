import type { Traffic } from '../contracts/activity-source.js';
import type { ServiceEndpoints } from '../contracts/service-endpoints.js';
import type { GuardedActivitySource } from './guarded-activity-source.js';
import { endpointsOf, isReachedAt } from './service-endpoints.js';
import type { Unikernel } from './unikernel.js';

/** What is known of the traffic to unikernels, by all sources together. */
export class ActivitySources {
  readonly #watching: readonly GuardedActivitySource[];
  /** What sources were told last of the unikernels that they see. */
  readonly #told = new Map<Unikernel, ServiceEndpoints>();

  constructor(private readonly sources: readonly GuardedActivitySource[]) {
    this.#watching = sources.filter(({ watches }) => watches);
  }

  /** Whether any source can know the traffic to this unikernel. */
  see(unikernel: Unikernel): boolean {
    return this.sources.length > 0 && this.#of(unikernel, endpointsOf(unikernel)).length > 0;
  }

  /**
   * What is known of its traffic: the most connections, and the latest packet, that any source knows. Nothing of it where
   * a source cannot tell, unless another one knows of connections. Never rejects.
   */
  async observe(unikernel: Unikernel): Promise<Traffic> {
    const endpoints = endpointsOf(unikernel);
    return merged(await Promise.all(this.#of(unikernel, endpoints).map((source) => source.observe(endpoints))));
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
