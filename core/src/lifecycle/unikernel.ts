import type { Backend, PowerState, StopMode, UnikernelId } from '../contracts/backend.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import { NameCounter } from './name-counter.js';

/** What is known of a unikernel before it runs. */
export interface UnikernelPlan {
  readonly name: string;
  readonly id: UnikernelId;
  readonly backend: Backend;
  /** The connection's name. */
  readonly backendName: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
  readonly probes: readonly ReadinessProbe[];
  readonly stopPolicies: readonly StopPolicy[];
  readonly delay: Milliseconds;
  readonly deadline: Milliseconds;
  readonly grace: Milliseconds;
}

/** Why the last summon came to nothing, and how long the next one has to wait. */
export interface Failure {
  readonly at: Milliseconds;
  readonly code: string;
  readonly reason: string;
  /** Failures in a row. */
  readonly count: number;
  readonly retryAt: Milliseconds;
}

/** What is summoned: its plan, what its backend last said of it, and what was counted. */
export class Unikernel {
  /** What the backend last said. */
  state: PowerState = 'unknown';
  /** Whether its service has answered since it was last started; cleared before a stop begins. */
  ready = false;
  /** When this run began: summoned, or found running. */
  since: Milliseconds = 0;
  startedAt: Milliseconds | undefined;
  totalStarts = 0;
  failure: Failure | undefined;
  domainId: number | undefined;
  macs: readonly string[] = [];
  /** The running summon that everybody who asks shares. */
  summoning: Promise<void> | undefined;
  /** The running stop; a summon waits for it. */
  stopping: Promise<void> | undefined;
  readonly counters: ReadonlyMap<string, NameCounter>;

  constructor(readonly plan: UnikernelPlan) {
    this.counters = new Map(plan.names.map((name) => [name, new NameCounter(name)]));
  }

  get name(): string {
    return this.plan.name;
  }

  /** What the stop policies look at. */
  activity(): Activity {
    const { name, ttl } = this.plan;
    const names = [...this.counters.values()].map((counter) => ({
      name: counter.name,
      ttl,
      lastAsked: Math.max(this.since, counter.lastAsked ?? 0),
    }));
    return { unikernel: name, since: this.since, names };
  }
}
