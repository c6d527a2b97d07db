import type { Machine, MachineId } from '../contracts/machine.js';
import type { GuardedBackend, GuardedMachine } from './guarded-backend.js';
import type { UnikernelPlan } from './unikernel.js';

/** What many unikernels have in common. */
export type CommonPlan = Required<
  Omit<UnikernelPlan, 'name' | 'machine' | 'id' | 'findsAddresses' | 'backendName' | 'names' | 'addresses'>
> & {
  readonly backend: GuardedBackend;
};

/** A plan that holds what is its own and shares the rest, which for a million unikernels is most of it. */
export class SharedPlan implements UnikernelPlan {
  constructor(
    readonly name: string,
    private readonly handle: Machine,
    readonly names: readonly string[],
    readonly addresses: readonly string[],
    private readonly common: CommonPlan,
  ) {}

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

  get probes(): UnikernelPlan['probes'] {
    return this.common.probes;
  }

  get stopPolicies(): UnikernelPlan['stopPolicies'] {
    return this.common.stopPolicies;
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

  get https(): UnikernelPlan['https'] {
    return this.common.https;
  }

  get svcb(): UnikernelPlan['svcb'] {
    return this.common.svcb;
  }
}
