import assert from 'node:assert/strict';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';

/** Tests a backend that tells what it has started for unikernels that are not registered any more. */
export function testStrays(harness: BackendHarness, trial: () => BackendTrial): void {
  const addresses = ['192.0.2.1'];
  const options = (): unknown => harness.schema.parse(harness.machine('alpha'));

  /** A machine that runs, whose connection is closed. */
  const left = async (): Promise<string> => {
    const backend = await trial().connect();
    assert.deepEqual(await backend.strays(), [], 'nothing has been started yet');
    const machine = backend.guard(await backend.machine({ name: 'alpha', options: options(), addresses }), 'alpha');
    await machine.start();
    await trial().until(machine, 'running');
    assert.deepEqual(await backend.strays(), [], 'what is registered is none');
    await backend.close();
    return machine.id;
  };

  it('tells what runs of a unikernel that is not registered any more, once and by its name, and can stop it', async () => {
    const id = await left();
    const backend = await trial().connect();
    await trial().machine(backend, 'beta');
    const strays = await backend.strays();
    assert.deepEqual(
      strays.map(({ name, machine, addresses }) => [name, machine.id, addresses]),
      [['alpha', id, addresses]],
    );
    await trial().counts(1, id);
    const machine = backend.guard(strays[0]!.machine, 'alpha');
    assert.equal((await machine.describe()).state, 'running');
    await trial().stop(machine, trial().ending);
    assert.equal((await machine.describe()).state, 'off');
    await trial().counts(0, id);
    assert.deepEqual(await backend.strays(), []);
    await backend.close();
    assert.deepEqual(await (await trial().connect()).strays(), []);
  });

  it('tells it again from the next instance, and not once it is registered again', async () => {
    const id = await left();
    const first = await trial().connect();
    assert.equal((await first.strays()).length, 1);
    await first.close();
    const second = await trial().connect();
    assert.equal((await second.strays()).length, 1);
    await second.close();
    const third = await trial().connect();
    const machine = await trial().machine(third);
    assert.equal(machine.id, id);
    assert.deepEqual(await third.strays(), []);
    await trial().until(machine, 'running');
    await trial().counts(1, id);
  });
}
