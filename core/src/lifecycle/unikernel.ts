import type { Machine, MachineId, PowerState, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import type { Life, Phase } from './life.js';
import type { Summon } from './summon.js';

/** What is known of a unikernel before it runs. */
export interface UnikernelPlan {
  readonly name: string;
  readonly machine: Required<Machine>;
  /** That of the machine. */
  readonly id: MachineId;
  /** Whether the machine has `addresses` to tell. */
  readonly findsAddresses: boolean;
  /** The connection's name. */
  readonly backendName: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
  readonly probes: readonly ReadinessProbe[];
  readonly stopPolicies: readonly StopPolicy[];
  /** A fixed pause after a boot, besides the probes. */
  readonly delay: Milliseconds;
  readonly deadline: Milliseconds;
  readonly grace: Milliseconds;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2); none where absent. */
  readonly https?: readonly Uint8Array[] | undefined;
  readonly svcb?: readonly Uint8Array[] | undefined;
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

/** The queries for one DNS name of one unikernel. */
export interface NameCounter {
  readonly name: string;
  requests: number;
  lastAsked: Milliseconds | undefined;
}

/** A stop that is under way, or waits for its turn. */
export interface Stop {
  readonly reason: string;
  readonly mode: StopMode;
  resolve(): void;
  reject(error: unknown): void;
}

const NONE: readonly string[] = [];

/**
 * A unikernel: its plan, what its backend last said, and what was counted. Only the lifecycle writes to it; everybody
 * else has it as a {@link Unikernel}. There may be a million, so whatever most of them never need is made when needed.
 */
export class UnikernelRecord implements Life {
  phase: Phase = 'down';
  /** What the backend last said. */
  state: PowerState = 'unknown';
  /** Why it is in that state, where the backend knows. */
  detail: string | undefined;
  /** Whether its backend went away while we looked after it. */
  lost = false;
  /** Whether its backend is starting, resuming or unpausing it for us. */
  starting = false;
  /** When this run began: summoned, or found running. */
  since: Milliseconds = 0;
  /** When the last summon ended: whoever waited for it begins to use the unikernel only then. */
  lastSummoned: Milliseconds = 0;
  startedAt: Milliseconds | undefined;
  totalStarts = 0;
  failure: Failure | undefined;
  domainId: number | undefined;
  macs = NONE;
  /** What its backend found out of its addresses, where the plan has none. */
  foundAddresses = NONE;
  /** The summon that everybody who asks meanwhile shares. */
  summon: Summon | undefined;
  /** The stops that are under way, one after the other. */
  stops: Stop[] | undefined;
  /** How often its backend has said something of it. */
  learnt = 0;
  /** Who is told when it is no longer ready. */
  relying: Set<() => void> | undefined;
  /** The counters of its names, once anything was counted. */
  counted: ReadonlyMap<string, NameCounter> | undefined;

  constructor(readonly plan: UnikernelPlan) {}

  get name(): string {
    return this.plan.name;
  }

  /** Whether its service has answered since it was last started; no longer so before a stop begins. */
  get ready(): boolean {
    return this.phase === 'ready';
  }

  /** Whether a summon of it is under way. */
  get isSummoned(): boolean {
    return this.summon !== undefined;
  }

  get failing(): boolean {
    return this.failure !== undefined;
  }

  /** A counter for each of its names. */
  get counters(): ReadonlyMap<string, NameCounter> {
    this.counted ??= new Map(this.plan.names.map((name) => [name, { name, requests: 0, lastAsked: undefined }]));
    return this.counted;
  }

  /** Those of the plan, else those that its backend has found out: none before its first boot. */
  get addresses(): readonly string[] {
    return this.plan.addresses.length > 0 ? this.plan.addresses : this.foundAddresses;
  }

  /** Whether the backend discovers the addresses. */
  get seeksAddresses(): boolean {
    return this.plan.addresses.length === 0 && this.plan.findsAddresses;
  }

  /** What the stop policies look at. */
  activity(): Activity {
    const { name, ttl } = this.plan;
    const names = [...this.counters.values()].map((counter) => ({
      name: counter.name,
      ttl,
      lastAsked: Math.max(this.since, this.lastSummoned, counter.lastAsked ?? 0),
    }));
    return { unikernel: name, since: this.since, names };
  }
}

/** A unikernel as everybody but the lifecycle sees it. */
export type Unikernel = Readonly<UnikernelRecord>;
