import type { WakeTrigger } from '../config/wake.js';
import type { AwakeSpan } from '../config/awake-hours.js';
import type { RelayedPort } from '../config/relay.js';
import type { Machine, MachineId, PowerState, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { ServicePort, UseRules } from '../contracts/service-endpoints.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import type { KeepCommand } from './keep-command.js';
import type { Life, Phase, ReplaceMoment } from './life.js';
import type { Summon } from './summon.js';

/** What is known about a unikernel before it runs. */
export interface UnikernelPlan {
  readonly name: string;
  readonly machine: Required<Machine>;
  /** The id of its machine. */
  readonly id: MachineId;
  /** Whether the machine has the method `addresses`. */
  readonly findsAddresses: boolean;
  /** The connection's name. */
  readonly backendName: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  readonly stopMode: StopMode;
  /** The mode after which it is off, whatever the usual one does; the usual one where absent. */
  readonly endingMode?: StopMode;
  /** Whether its backend has the mode `suspend`. */
  readonly canSuspend?: boolean;
  /** `idle` where absent. */
  readonly replace?: ReplaceMoment;
  readonly probes: readonly ReadinessProbe[];
  readonly stopPolicies: readonly StopPolicy[];
  /** The hours in which it is not stopped once it runs; none where absent. */
  readonly awake?: readonly AwakeSpan[] | undefined;
  /** Asked whether it is to be kept when all else would stop it; nobody is where absent. */
  readonly keepWhile?: KeepCommand | undefined;
  /** A fixed pause after a boot, besides the probes. */
  readonly delay: Milliseconds;
  readonly deadline: Milliseconds;
  readonly grace: Milliseconds;
  /** Whether its address is given before it is ready, as long as its first packets are held. */
  readonly answersAtOnce?: boolean;
  /** What wakes it while they are held; a query where absent. */
  readonly wakesOn?: WakeTrigger;
  /** The interval at which its service is looked at again while it is used; never where absent. */
  readonly watch?: Milliseconds | undefined;
  /** The ports that are its service, as configured. */
  readonly ports?: readonly ServicePort[];
  /** What counts as use of it; absent where nobody asks. */
  readonly useRules?: UseRules;
  /** The ports that Jitsu relays to it; none where absent. */
  readonly relays?: readonly RelayedPort[];
  /** The names of what has to be ready before it boots; nothing where absent. */
  readonly needs?: readonly string[] | undefined;
  /** The group with which it is woken and stopped. */
  readonly group?: string | undefined;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2); none where absent. */
  readonly https?: readonly Uint8Array[] | undefined;
  readonly svcb?: readonly Uint8Array[] | undefined;
}

/** Why the last summon has failed, and when the next one may begin. */
export interface Failure {
  readonly at: Milliseconds;
  readonly code: string;
  readonly reason: string;
  /** Failed summons in a row: 0 where none has failed since its service stopped answering. */
  readonly count: number;
  /** Absent where no summon can succeed as long as this Jitsu runs. */
  readonly retryAt?: Milliseconds | undefined;
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
 * A unikernel: its plan, the last report of its backend, and its counters. Only `lifecycle.ts` writes to it; all others
 * get it as a {@link Unikernel}. There may be a million, so what most of them never need is made on demand.
 */
export class UnikernelRecord implements Life {
  /** Not part of {@link Unikernel}, which the compiler therefore does not take for a record. */
  declare protected readonly isRecord: true;
  phase: Phase = 'down';
  /** The state that its backend last reported. */
  state: PowerState = 'unknown';
  /** The reason for that state, where the backend knows it. */
  detail: string | undefined;
  /** Whether the loss of its backend has been announced, and its return not yet. */
  lost = false;
  /** Whether its backend is starting, resuming or unpausing it for us. */
  starting = false;
  /** When this run began, by a summon or by adoption. */
  since: Milliseconds = 0;
  /** When the last summon ended: its waiters begin to use the unikernel only then. */
  lastSummoned: Milliseconds = 0;
  startedAt: Milliseconds | undefined;
  totalStarts = 0;
  failure: Failure | undefined;
  domainId: number | undefined;
  macs = NONE;
  /** What has changed in its definition since its machine was started; `undefined` where nothing has. */
  outdated: string | undefined;
  /** The addresses that its backend has found, where the plan has none, and those of a machine that is outdated. */
  foundAddresses = NONE;
  /** The summon that concurrent callers share. */
  summon: Summon | undefined;
  /** The stops that are under way, one after the other. */
  stops: readonly Stop[] | undefined;
  /** The number of reports by its backend. */
  learnt = 0;
  /** Callbacks for the moment when it is no longer ready, or its first packets are no longer held. */
  relying: Set<() => void> | undefined;
  /** The counters of its names, once a query was counted. */
  counted: ReadonlyMap<string, NameCounter> | undefined;

  constructor(public plan: UnikernelPlan) {}

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

  get needy(): boolean {
    return this.plan.needs !== undefined;
  }

  /** Takes another plan, and keeps the counters of the names that stay. */
  replan(plan: UnikernelPlan): void {
    const { counted } = this;
    this.plan = plan;
    this.counted = undefined;
    if (counted === undefined) return;
    const kept = plan.names.map((name) => counted.get(name) ?? { name, requests: 0, lastAsked: undefined });
    this.counted = new Map(kept.map((counter) => [counter.name, counter]));
  }

  /** A counter per name. */
  get counters(): ReadonlyMap<string, NameCounter> {
    this.counted ??= new Map(this.plan.names.map((name) => [name, { name, requests: 0, lastAsked: undefined }]));
    return this.counted;
  }

  /** The addresses of its machine: those of the plan, unless it has others for now; none before they are found. */
  get addresses(): readonly string[] {
    const { plan, foundAddresses, outdated } = this;
    const areFound = plan.addresses.length === 0 || (outdated !== undefined && foundAddresses.length > 0);
    return areFound ? foundAddresses : plan.addresses;
  }

  /** Whether its addresses may be others when it is started anew. */
  get addressesMayChange(): boolean {
    return this.seeksAddresses || this.outdated !== undefined;
  }

  /** When its outdated machine is replaced; `undefined` where it has none, or its summon has tried that already. */
  get replacement(): ReplaceMoment | undefined {
    if (this.outdated === undefined || this.summon?.replaces === true) return undefined;
    return this.plan.replace ?? 'idle';
  }

  /** Whether the backend discovers the addresses. */
  get seeksAddresses(): boolean {
    return this.plan.addresses.length === 0 && this.plan.findsAddresses;
  }

  /** Calls back once, when it is no longer ready; or where it is not ready, when its first packets are no longer held. */
  rely(listener: () => void): void {
    (this.relying ??= new Set()).add(listener);
  }

  unrely(listener: () => void): void {
    this.relying?.delete(listener);
  }

  /**
   * The input of the stop policies.
   * @param awake moves a moment by the time after it that counts for nobody
   * @param more what is known of its traffic, where somebody has asked
   */
  activity(
    awake: (moment: Milliseconds) => Milliseconds = (moment) => moment,
    more?: Pick<Activity, 'traffic' | 'connectionsSurvive'>,
  ): Activity {
    const { name, ttl } = this.plan;
    const names = [...this.counters.values()].map((counter) => ({
      name: counter.name,
      ttl,
      lastAsked: awake(Math.max(this.since, this.lastSummoned, counter.lastAsked ?? 0)),
    }));
    return { unikernel: name, since: awake(this.since), names, ...more };
  }
}

/** A unikernel as all but the lifecycle see it: read-only. */
export type Unikernel = Readonly<UnikernelRecord>;
