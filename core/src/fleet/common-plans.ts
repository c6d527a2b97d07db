import type { UnikernelSettings } from '../config/settings.js';
import type { Machine, MachineId } from '../contracts/machine.js';
import type { GuardedBackend, GuardedMachine } from '../lifecycle/guarded-backend.js';
import type { UnikernelPlan } from '../lifecycle/unikernel.js';

/** The part of a plan that many unikernels share. */
export type CommonPlan = Required<
  Omit<
    UnikernelPlan,
    'name' | 'machine' | 'id' | 'findsAddresses' | 'backendName' | 'names' | 'addresses' | 'needs' | 'group'
  >
> & {
  readonly backend: GuardedBackend;
};

type Known = readonly [settings: UnikernelSettings, plan: CommonPlan];

/**
 * The number of common plans that are kept; a unikernel that fits none of them gets a new one, which only costs memory.
 */
const REMEMBERED = 16;

/** Gives unikernels with the same settings, apart from their names, addresses and machines, the same plan. */
export class CommonPlans {
  readonly #known: Known[] = [];
  #next = 0;

  constructor(private readonly make: (settings: UnikernelSettings) => CommonPlan) {}

  of(settings: UnikernelSettings): CommonPlan {
    const known = this.#known.find(([other]) => isTreatedAlike(settings, other));
    if (known !== undefined) return known[1];
    const plan = this.make(settings);
    this.#known[this.#next] = [settings, plan];
    this.#next = (this.#next + 1) % REMEMBERED;
    return plan;
  }
}

function isTreatedAlike(one: UnikernelSettings, other: UnikernelSettings): boolean {
  return (
    one.backend === other.backend &&
    one.ready === other.ready &&
    one.stopPolicies === other.stopPolicies &&
    one.awake === other.awake &&
    one.answersAtOnce === other.answersAtOnce &&
    one.wakesOn === other.wakesOn &&
    one.keepWhile === other.keepWhile &&
    one.https === other.https &&
    one.svcb === other.svcb &&
    one.relays === other.relays &&
    one.ttl === other.ttl &&
    one.stopMode === other.stopMode &&
    one.replace === other.replace &&
    one.delay === other.delay &&
    one.deadline === other.deadline &&
    one.grace === other.grace &&
    one.watch === other.watch &&
    one.ports === other.ports &&
    one.useRules === other.useRules
  );
}

/**
 * A plan that holds only what differs per unikernel and shares the rest, which for a million unikernels is most of it.
 */
export class SharedPlan implements UnikernelPlan {
  constructor(
    readonly name: string,
    private handle: Machine,
    readonly names: readonly string[],
    readonly addresses: readonly string[],
    private readonly common: CommonPlan,
  ) {}

  /** Its backend has handed out its machine, after the unikernel was listed. Returns the handle before. */
  arrive(machine: Machine): Machine {
    const before = this.handle;
    this.handle = machine;
    return before;
  }

  get id(): MachineId {
    return this.handle.id;
  }

  get machine(): GuardedMachine {
    return this.common.backend.guard(this.handle, this.name);
  }

  get findsAddresses(): boolean {
    return this.handle.addresses !== undefined;
  }

  get backendName(): string {
    return this.common.backend.name;
  }

  get ttl(): UnikernelPlan['ttl'] {
    return this.common.ttl;
  }

  get stopMode(): UnikernelPlan['stopMode'] {
    return this.common.stopMode;
  }

  get endingMode(): NonNullable<UnikernelPlan['endingMode']> {
    return this.common.endingMode;
  }

  get canSuspend(): NonNullable<UnikernelPlan['canSuspend']> {
    return this.common.canSuspend;
  }

  get replace(): NonNullable<UnikernelPlan['replace']> {
    return this.common.replace;
  }

  get probes(): UnikernelPlan['probes'] {
    return this.common.probes;
  }

  get stopPolicies(): UnikernelPlan['stopPolicies'] {
    return this.common.stopPolicies;
  }

  get awake(): UnikernelPlan['awake'] {
    return this.common.awake;
  }

  get keepWhile(): UnikernelPlan['keepWhile'] {
    return this.common.keepWhile;
  }

  get answersAtOnce(): boolean {
    return this.common.answersAtOnce;
  }

  get wakesOn(): NonNullable<UnikernelPlan['wakesOn']> {
    return this.common.wakesOn;
  }

  get delay(): UnikernelPlan['delay'] {
    return this.common.delay;
  }

  get deadline(): UnikernelPlan['deadline'] {
    return this.common.deadline;
  }

  get grace(): UnikernelPlan['grace'] {
    return this.common.grace;
  }

  get watch(): UnikernelPlan['watch'] {
    return this.common.watch;
  }

  get ports(): NonNullable<UnikernelPlan['ports']> {
    return this.common.ports;
  }

  get useRules(): NonNullable<UnikernelPlan['useRules']> {
    return this.common.useRules;
  }

  get relays(): NonNullable<UnikernelPlan['relays']> {
    return this.common.relays;
  }

  /** See {@link RelatedPlan}. */
  get needs(): UnikernelPlan['needs'] {
    return undefined;
  }

  get group(): UnikernelPlan['group'] {
    return undefined;
  }

  get https(): UnikernelPlan['https'] {
    return this.common.https;
  }

  get svcb(): UnikernelPlan['svcb'] {
    return this.common.svcb;
  }
}

/** The plan of a unikernel that needs others, or is in a group: most do not, and keep no room for it. */
class RelatedPlan extends SharedPlan {
  readonly #needs: readonly string[] | undefined;
  readonly #group: string | undefined;

  constructor(settings: UnikernelSettings, machine: Machine, common: CommonPlan) {
    const { name, names, addresses, needs, group } = settings;
    super(name, machine, names, addresses, common);
    this.#needs = needs;
    this.#group = group;
  }

  override get needs(): UnikernelPlan['needs'] {
    return this.#needs;
  }

  override get group(): UnikernelPlan['group'] {
    return this.#group;
  }
}

/** The plan of a unikernel with these settings. */
export function planOf(settings: UnikernelSettings, machine: Machine, common: CommonPlan): SharedPlan {
  const { name, names, addresses, needs, group } = settings;
  return needs !== undefined || group !== undefined
    ? new RelatedPlan(settings, machine, common)
    : new SharedPlan(name, machine, names, addresses, common);
}
