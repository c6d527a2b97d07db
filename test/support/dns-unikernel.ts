import type { Machine } from '#core/contracts/machine.js';
import { Summon } from '#core/lifecycle/summon.js';
import { UnikernelRecord, type UnikernelPlan } from '#core/lifecycle/unikernel.js';

/** A unikernel whose life is in the hands of a test. */
export class StagedUnikernel extends UnikernelRecord {
  override get ready(): boolean {
    return super.ready;
  }

  /** As after a summon; or as when it dies, and whoever relies on it is told. */
  override set ready(ready: boolean) {
    this.phase = ready ? 'ready' : 'down';
    const relying = ready ? undefined : this.relying;
    if (!ready) this.relying = undefined;
    for (const listener of relying ?? []) listener();
  }

  /** A summon of it has begun. */
  beginSummon(): void {
    this.summon = new Summon({ kind: 'command' }, 0);
  }
}

/** A unikernel that is off, as far as the DNS side looks at one: its machine can do nothing. */
export function aUnikernel(overrides: Partial<UnikernelPlan> = {}): StagedUnikernel {
  return new StagedUnikernel({
    name: 'www',
    id: 'id-of-www',
    machine: {} as Required<Machine>,
    findsAddresses: false,
    backendName: 'none',
    names: ['www.example.org'],
    addresses: ['192.0.2.7'],
    ttl: 60_000,
    stopMode: 'destroy',
    probes: [],
    stopPolicies: [],
    delay: 0,
    deadline: 60_000,
    grace: 10_000,
    ...overrides,
  });
}
