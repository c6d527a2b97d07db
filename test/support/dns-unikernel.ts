import type { Machine } from '#core/contracts/machine.js';
import { Unikernel, type UnikernelPlan } from '#core/lifecycle/unikernel.js';

/** A unikernel that is off, as far as the DNS side looks at one: its machine can do nothing. */
export function aUnikernel(overrides: Partial<UnikernelPlan> = {}): Unikernel {
  return new Unikernel({
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
