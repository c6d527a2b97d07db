import type { ActivitySource } from '#core/contracts/activity-source.js';
import type { Doorman } from '#core/contracts/doorman.js';
import type { StopMode } from '#core/contracts/machine.js';
import type { LifecycleEvent, LifecycleEventKind, WakeCause } from '#core/contracts/lifecycle-event.js';
import type { Milliseconds } from '#core/contracts/milliseconds.js';
import type { AnswerLease } from '#core/contracts/resolver.js';
import type { ReadinessProbe } from '#core/contracts/readiness-probe.js';
import { ActivitySources } from '#core/lifecycle/activity-sources.js';
import { Doormen } from '#core/lifecycle/doormen.js';
import { GuardedActivitySource } from '#core/lifecycle/guarded-activity-source.js';
import { GuardedDoorman } from '#core/lifecycle/guarded-doorman.js';
import { GuardedBackend } from '#core/lifecycle/guarded-backend.js';
import type { KnockRules } from '#core/lifecycle/knocks.js';
import { Lifecycle } from '#core/lifecycle/lifecycle.js';
import { TtlStopPolicy } from '#core/builtins/ttl-stop-policy.js';
import { UnikernelRecord, type Unikernel, type UnikernelPlan } from '#core/lifecycle/unikernel.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { FakeBackend } from './fake-backend.js';
import { MemoryLogger } from './memory-logger.js';

const aQuery: WakeCause = { kind: 'query', name: 'web.test', type: 'A', client: '127.0.0.1' };
export const aCommand: WakeCause = { kind: 'command' };

/** A look at a machine whose answer the test holds back. */
export interface HeldLook {
  /** Whether somebody waits for it. */
  readonly asked: boolean;
  release(): void;
}

/** The lifecycle around a fake backend and a clock that stands still. */
export class Life implements Disposable {
  readonly clock = new ManualClock();
  readonly backend = new FakeBackend(this.clock);
  readonly guarded = new GuardedBackend('fake', this.backend, this.clock, new MemoryLogger());
  readonly events: LifecycleEvent[] = [];
  /** What people were told of its unikernels. */
  readonly doubts: string[] = [];
  /** What the test does when something has happened. */
  onEvent: (event: LifecycleEvent) => void = () => undefined;
  readonly lifecycle: Lifecycle;
  readonly doormen: Doormen | undefined;
  readonly #unikernels = new Map<string, Unikernel>();

  readonly logger = new MemoryLogger();

  /** @param traffic what knows of traffic, and holds packets, for its unikernels */
  constructor(
    { limit = 8, queue = 100 } = {},
    traffic: {
      readonly sources?: readonly ActivitySource[];
      readonly doormen?: readonly Doorman[];
      readonly knockRules?: KnockRules | undefined;
    } = {},
  ) {
    const { clock, logger } = this;
    const sources = (traffic.sources ?? []).map(
      (source, index) => new GuardedActivitySource(`source ${index}`, source, undefined, clock, logger),
    );
    const doormen = (traffic.doormen ?? []).map(
      (doorman, index) => new GuardedDoorman(`doorman ${index}`, doorman, undefined, clock, logger),
    );
    this.doormen = doormen.length > 0 ? new Doormen(doormen) : undefined;
    const boot = { limit, queue, firstBackOff: 1_000, longestBackOff: 60_000 };
    this.lifecycle = new Lifecycle(
      boot,
      {
        onEvent: (event) => (this.events.push(event), this.onEvent(event)),
        onDoubt: (_, message) => this.doubts.push(message),
      },
      this.clock,
      {
        ...(sources.length > 0 && { sources: new ActivitySources(sources, clock) }),
        doormen: this.doormen,
        knockRules: traffic.knockRules,
      },
    );
    this.doormen?.listen((name) => this.#unikernels.get(name), this.lifecycle);
  }

  /** Registers unikernels and follows them; each has the name `NAME.test` and a TTL of 10 s. */
  async with(...plans: (Partial<UnikernelPlan> & { name: string })[]): Promise<Unikernel[]> {
    await this.backend.connect();
    const unikernels: Unikernel[] = [];
    for (const plan of plans) {
      const machine = await this.guarded.machine({ name: plan.name, options: { name: plan.name } });
      const ofMachine = {
        machine: this.guarded.guard(machine, plan.name),
        id: machine.id,
        findsAddresses: machine.addresses !== undefined,
      };
      unikernels.push(new UnikernelRecord({ ...this.#defaults(plan.name), ...ofMachine, ...plan }));
    }
    for (const unikernel of unikernels) this.#unikernels.set(unikernel.name, unikernel);
    const machines = new Map(unikernels.map((unikernel) => [unikernel.plan.id, unikernel]));
    const byName = new Map(unikernels.map((unikernel) => [unikernel.name, unikernel]));
    const related = unikernels.filter(({ plan }) => plan.needs !== undefined || plan.group !== undefined);
    this.lifecycle.relate(related, (name) => byName.get(name) as Unikernel);
    await this.lifecycle.follow('fake', this.guarded, machines);
    return unikernels;
  }

  summon(unikernel: Unikernel, cause: WakeCause = aQuery): Promise<void> {
    return this.lifecycle.summon(unikernel, cause);
  }

  stop(unikernel: Unikernel, reason = 'by command', mode?: StopMode): Promise<void> {
    return this.lifecycle.stop(unikernel, reason, mode);
  }

  close(patience: AbortSignal): Promise<void> {
    return this.lifecycle.close(patience);
  }

  /** A query for its name comes in. */
  ask(unikernel: Unikernel): void {
    this.lifecycle.countQuery(unikernel, `${unikernel.name}.test`, this.clock.now());
  }

  /** The lease of the answer with its address. */
  lease(unikernel: Unikernel): AnswerLease {
    const lease = this.lifecycle.lease(`A ${unikernel.name}`, `${unikernel.name}.test`, [unikernel], [unikernel]);
    if (lease === undefined) throw new Error(`${unikernel.name} is not ready`);
    return lease;
  }

  stopAt(unikernel: Unikernel): Milliseconds | undefined {
    return this.lifecycle.status(unikernel).stopAt;
  }

  /** Holds back the answer to the next question how a machine is; what it says is what was true when it was asked. */
  holdNextLook(): HeldLook {
    const { backend } = this;
    const describe = backend.describe.bind(backend);
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const look = { asked: false, release };
    backend.describe = async (id) => {
      backend.describe = describe;
      look.asked = true;
      const description = await describe(id);
      await held;
      return description;
    };
    return look;
  }

  /** The calls to the backend that begin with this word. */
  calls(operation: string): string[] {
    return this.backend.calls.filter((call) => call.startsWith(operation));
  }

  /** The kinds of what has happened, to one unikernel or to all. */
  story(name?: string): LifecycleEventKind[] {
    return this.events.filter(({ unikernel }) => name === undefined || unikernel === name).map(({ kind }) => kind);
  }

  [Symbol.dispose](): void {
    this.doormen?.[Symbol.dispose]();
    this.lifecycle[Symbol.dispose]();
  }

  #defaults(name: string): Omit<UnikernelPlan, 'id' | 'machine' | 'findsAddresses'> {
    return {
      name,
      backendName: 'fake',
      names: [`${name}.test`],
      addresses: ['192.0.2.1'],
      ttl: 10_000,
      stopMode: 'destroy',
      probes: [],
      stopPolicies: [new TtlStopPolicy()],
      delay: 0,
      deadline: 30_000,
      grace: 5_000,
    };
  }
}

/** A probe that waits until the test says that the service answers. */
export class HandProbe implements ReadinessProbe {
  asked = 0;
  readonly #waiting = new Set<() => void>();
  #answers = false;

  untilReady(_target: unknown, signal: AbortSignal): Promise<void> {
    this.asked += 1;
    return new Promise((resolve, reject) => {
      if (this.#answers) resolve();
      this.#waiting.add(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  }

  /** From now on the service answers. */
  answer(): void {
    this.#answers = true;
    for (const resolve of this.#waiting) resolve();
  }

  /** From now on it does not. */
  fallSilent(): void {
    this.#answers = false;
    this.#waiting.clear();
  }
}
