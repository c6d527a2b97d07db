import type { Machine, MachineDescription, MachineId, PowerState, StopMode } from '../contracts/machine.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { Activity, StopPolicy } from '../contracts/stop-policy.js';
import type { JitsuError } from '../errors.js';
import { NameCounter } from './name-counter.js';

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

/** A summon that is under way, and how to end it early. */
export interface RunningSummon {
  readonly promise: Promise<void>;
  /** Whether it has found out by itself how its machine is: from then on it relies on that. */
  hasLooked(): boolean;
  abort(error: JitsuError): void;
}

const NONE: readonly string[] = [];

/** What is summoned: its plan, what its backend last said of it, and what was counted. */
export class Unikernel {
  /** What the backend last said. */
  state: PowerState = 'unknown';
  /** Why it is in that state, where the backend knows. */
  detail: string | undefined;
  /** Whether its backend went away while we looked after it. */
  lost = false;
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
  summon: RunningSummon | undefined;
  /** The stop that is under way; a summon waits for it. It never rejects. */
  stopping: Promise<void> | undefined;
  /** How often its backend has said something of it. */
  learnt = 0;
  #ready = false;
  /** Most of a million unikernels never have any. */
  #onUnready: Set<() => void> | undefined;
  #counters: ReadonlyMap<string, NameCounter> | undefined;

  /** `onCount` is called whenever a counter has changed. */
  constructor(
    readonly plan: UnikernelPlan,
    readonly onCount: (unikernel: Unikernel) => void = () => undefined,
  ) {}

  /** A counter for each of its names. Most of a million unikernels are never asked for, and have none until they are. */
  get counters(): ReadonlyMap<string, NameCounter> {
    this.#counters ??= new Map(this.plan.names.map((name) => [name, new NameCounter(name, () => this.onCount(this))]));
    return this.#counters;
  }

  /** Whether anything was ever counted. */
  get isCounted(): boolean {
    return this.#counters !== undefined;
  }

  get name(): string {
    return this.plan.name;
  }

  /** Whether its service has answered since it was last started; cleared before a stop begins. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Whoever relies on it is told when it falls, before anything follows from that. */
  set ready(ready: boolean) {
    this.#ready = ready;
    const listeners = this.#onUnready;
    if (ready || listeners === undefined) return;
    this.#onUnready = undefined;
    for (const listener of listeners) listener();
  }

  /** Calls back once, in the moment when it is no longer ready, unless the returned handle is disposed first. */
  onUnready(listener: () => void): Disposable {
    this.#onUnready ??= new Set();
    this.#onUnready.add(listener);
    return { [Symbol.dispose]: () => this.#onUnready?.delete(listener) };
  }

  /** Those of the plan, else those that its backend has found out: none before its first boot. */
  get addresses(): readonly string[] {
    return this.plan.addresses.length > 0 ? this.plan.addresses : this.foundAddresses;
  }

  get isSummoned(): boolean {
    return this.summon !== undefined;
  }

  /** Whether its backend has to find out its addresses. */
  get seeksAddresses(): boolean {
    return this.plan.addresses.length === 0 && this.plan.findsAddresses;
  }

  /** Takes over what the backend says, and drops the promise that the service answers where it cannot hold. */
  learn({ state, detail, domainId, macs }: Pick<MachineDescription, 'state'> & Partial<MachineDescription>): void {
    this.learnt += 1;
    this.state = state;
    this.detail = detail;
    if (state !== 'running') this.ready = false;
    if (state === 'off') this.domainId = undefined;
    if (domainId !== undefined) this.domainId = domainId;
    if (macs !== undefined) this.macs = macs;
  }

  /** A machine begins to run now, by us. */
  started(now: Milliseconds): void {
    this.since = now;
    this.startedAt = now;
    this.totalStarts += 1;
    this.onCount(this);
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
