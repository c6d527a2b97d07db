import assert from 'node:assert/strict';
import type { GuardedBackend, GuardedMachine } from '../../lifecycle/guarded-backend.js';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';

const BEFORE = ['192.0.2.1', '192.0.2.2'];
const NOW = ['192.0.2.3'];

/** Tests what a backend says of machines whose unikernels have been defined anew while they run. */
export function testDefinition(harness: BackendHarness, trial: () => BackendTrial): void {
  const { redefined } = harness;

  const defined = async (
    backend: GuardedBackend,
    addresses: readonly string[],
    options = harness.machine('alpha'),
  ): Promise<GuardedMachine> => {
    const registration = { name: 'alpha', options: harness.schema.parse(options), addresses };
    return backend.guard(await backend.machine(registration), 'alpha');
  };

  const running = async (): Promise<GuardedBackend> => {
    const backend = await trial().connect();
    const machine = await defined(backend, BEFORE);
    await machine.start();
    assert.equal((await trial().until(machine, 'running')).outdated, undefined);
    return backend;
  };

  it('does not take a machine for outdated whose definition is the same, from a new instance either', async () => {
    await (await running()).close();
    const found = await defined(await trial().connect(), BEFORE);
    assert.equal((await trial().until(found, 'running')).outdated, undefined);
  });

  if (redefined === undefined) return;

  for (const [what, addresses, options] of [
    ['its addresses', NOW, undefined],
    ['its options', BEFORE, redefined('alpha')],
  ] as const) {
    it(`says of a machine that ${what} have changed since it was started, and which addresses it has`, async () => {
      await (await running()).close();
      const backend = await trial().connect();
      const machine = await defined(backend, addresses, options);
      const { outdated, domainId } = await trial().until(machine, 'running');
      assert.ok(outdated, 'it runs by an earlier definition');
      assert.deepEqual(outdated.addresses, BEFORE);
      assert.equal(
        (await machine.start(), await machine.describe()).domainId,
        domainId,
        'who says so must not replace it',
      );
      await trial().counts(1, machine.id);
      await trial().stop(machine, trial().ending);
      assert.equal((await machine.describe()).outdated, undefined, 'what is off is started by its present definition');
      await machine.start();
      assert.equal((await trial().until(machine, 'running')).outdated, undefined);
      await backend.close();
      const next = await defined(await trial().connect(), addresses, options);
      assert.equal((await trial().until(next, 'running')).outdated, undefined);
    });
  }
}
