import assert from 'node:assert/strict';
import { ConfigProblems } from '#core/config/config-problems.js';
import type { Settings, UnikernelSettings } from '#core/config/settings.js';
import { Fleet } from '#core/fleet.js';
import type { Instances } from '#core/instances.js';
import { ManualClock } from '#core/testing/manual-clock.js';
import { FakeBackend } from '../support/fake-backend.js';

/** A fleet on two connections to one hypervisor, of unikernels that are the machines of these names. */
async function aFleet(machines: readonly { name: string; backend: string; machine: string }[]): Promise<Fleet> {
  const backend = new FakeBackend(new ManualClock());
  await backend.connect();
  const unikernels = machines.map(
    ({ name, backend, machine }) =>
      ({
        name,
        backend,
        options: { name: machine },
        names: [],
        ready: [],
        stopPolicies: [],
        stopMode: 'destroy',
      }) as unknown as UnikernelSettings,
  );
  const connections = [{ name: 'near' }, { name: 'far' }];
  const instances = { backend: () => backend } as unknown as Instances;
  return new Fleet({ connections, unikernels } as unknown as Settings, instances);
}

describe('the fleet', () => {
  it('refuses two unikernels that are one machine, and says which', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one' },
      { name: 'b', backend: 'near', machine: 'two' },
      { name: 'c', backend: 'near', machine: 'one' },
      { name: 'd', backend: 'near', machine: 'one' },
    ]);
    await assert.rejects(
      fleet.register(() => undefined),
      (error) => {
        assert.ok(error instanceof ConfigProblems);
        assert.deepEqual(
          error.problems.map(({ path, given }) => `${path}: ${given}`),
          ['c: the same machine as a', 'd: the same machine as a'],
        );
        return true;
      },
    );
  });

  it('takes machines that have the same id on different connections for different ones', async () => {
    const fleet = await aFleet([
      { name: 'a', backend: 'near', machine: 'one' },
      { name: 'b', backend: 'far', machine: 'one' },
    ]);
    await fleet.register(() => undefined);
    assert.deepEqual([...fleet.unikernels.keys()], ['a', 'b']);
  });
});
