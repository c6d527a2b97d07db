import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import { Fleet } from '#core/fleet/fleet.js';
import type { FleetContext } from '#core/fleet/fleet-start.js';
import type { Instances } from '#core/fleet/instances.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { FakeBackend } from './fake-backend.js';
import { MemoryLogger } from './memory-logger.js';

const NONE: readonly never[] = [];
export const READY = [{ words: 'tcp:8080' }];

/** A fleet on two connections to one hypervisor, of unikernels that are the machines of these names. */
export async function aFleet(
  machines: readonly { name: string; backend: string; machine: string; names?: readonly string[] }[],
  made: unknown[] = [],
): Promise<Fleet> {
  const backend = new FakeBackend(new ManualClock());
  const unikernels = machines.map(
    ({ name, backend, machine, names = [] }) =>
      ({
        name,
        backend,
        options: { name: machine },
        names,
        addresses: NONE,
        ready: READY,
        ...{ ports: NONE, relays: NONE },
        stopPolicies: NONE,
        stopMode: 'destroy',
      }) as unknown as UnikernelSettings,
  );
  const connections = ['near', 'far'].map((name) => ({ name, contribution: {} }));
  const instances = {
    backend: () => backend,
    bootConfigurators: [],
    probe: ({ words }: { words: string }) => made.push(words),
  } as unknown as Instances;
  const fleet = new Fleet({ connections, unikernels } as unknown as Settings, instances, aContext());
  await fleet.connect();
  return fleet;
}

/** What a fleet needs, with a list of what it tells. */
export function aContext(
  told: string[] = [],
): FleetContext & { readonly clock: ManualClock; readonly logger: MemoryLogger } {
  return {
    ...{ clock: new ManualClock(), logger: new MemoryLogger() },
    connect: (open) => open(),
    withhold: ({ name }, { code, reason }) => void told.push(`${name}: ${code}: ${reason}`),
    givesUpRoot: () => false,
    arrived: async ({ name }, unikernels) => void told.push(`${name} has ${unikernels.map(({ name }) => name).join()}`),
  };
}
