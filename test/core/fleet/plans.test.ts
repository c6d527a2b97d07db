import assert from 'node:assert/strict';
import { aFleet } from '../../support/fleet.js';

describe('the plans of unikernels', () => {
  it('make once what 10,000 unikernels have in common, and nothing for names that nobody asks for', async () => {
    const machines = Array.from({ length: 10_000 }, (_, index) => ({
      ...{ name: `n${index}`, backend: 'near', machine: `n${index}`, names: [`n${index}.test`] },
    }));
    const made: unknown[] = [];
    const fleet = await aFleet(machines, made);
    await fleet.register();
    assert.deepEqual(made, ['tcp:8080']);
    const unikernels = [...fleet.unikernels.values()];
    assert.equal(new Set(unikernels.map(({ plan }) => plan.probes)).size, 1);
    assert.ok(unikernels.every(({ counted }) => counted === undefined));
    assert.equal(unikernels[5]!.counters.get('n5.test')?.requests, 0);
    assert.deepEqual(
      unikernels.filter(({ counted }) => counted !== undefined).map(({ name }) => name),
      ['n5'],
    );
  });
});
