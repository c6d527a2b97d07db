import type { MachineId } from './machine.js';

export interface ReadinessTarget {
  readonly name: string;
  readonly id: MachineId;
  /** IPv4 and IPv6 addresses, as given in the configuration. */
  readonly addresses: readonly string[];
  /** The number of the machine that runs, where its backend tells one. */
  readonly domainId?: number;
}

/**
 * Finds out when a unikernel's service answers. One instance serves every unikernel with the same `ready` words, so it
 * keeps nothing between calls. Its argument (what follows the colon in `ready=tcp:8080`) is injected as `optionsOf(schema)`.
 */
export interface ReadinessProbe {
  /** Resolves the moment the service answers; rejects with the signal's reason when it aborts first. */
  untilReady(target: ReadinessTarget, signal: AbortSignal): Promise<void>;
}
