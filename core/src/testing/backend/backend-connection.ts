import assert from 'node:assert/strict';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';
import { eventually } from '../eventually.js';
import { rejectsWithCode } from '../rejects-with-code.js';

/** Tests the connection of a backend to its system. */
export function testConnection(harness: BackendHarness, trial: () => BackendTrial): void {
  it('lets machines run when it closes, and finds them when it connects again', async () => {
    const { backend, machine, domainId } = await trial().running();
    await backend.close();
    await trial().counts(1, machine.id);
    await backend.connect();
    assert.equal((await trial().until(machine, 'running')).domainId, domainId);
  });

  it('finds what runs from a new instance, and can stop it', async () => {
    const { backend, machine, domainId } = await trial().running();
    await backend.close();
    const found = await trial().machine(await trial().connect());
    assert.equal(found.id, machine.id);
    assert.equal((await trial().until(found, 'running')).domainId, domainId);
    await found.start();
    await trial().counts(1, machine.id);
    await trial().stop(found, trial().ending);
    assert.equal((await found.describe()).state, 'off');
    await trial().counts(0, machine.id);
  });

  it('goes on with the machines that it has handed out when it connects again', async () => {
    const { backend, machine } = await trial().running();
    const other = await trial().machine(backend, 'beta');
    await backend.close();
    await backend.connect();
    await trial().until(machine, 'running');
    await other.start();
    await trial().until(other, 'running');
    for (const each of [machine, other]) {
      await trial().stop(each, trial().ending);
      assert.equal((await each.describe()).state, 'off');
    }
    await machine.start();
    await trial().until(machine, 'running');
    await trial().counts(1, machine.id);
  });

  it('closes without complaint, twice too', async () => {
    const backend = await trial().connect();
    await backend.close();
    await backend.close();
  });

  for (const [mode, state] of Object.entries(harness.stopModes)) {
    if (state === 'off') continue;
    it(`finds from a new instance what '${mode}' has put to sleep`, async () => {
      const { backend, machine } = await trial().running({ mode });
      await trial().stop(machine, mode);
      await backend.close();
      const found = await trial().machine(await trial().connect(), 'alpha', harness.machine('alpha', mode));
      assert.equal((await found.describe()).state, state);
    });
  }

  testLostConnection(harness, trial);
}

function testLostConnection({ lose, restore, watches }: BackendHarness, trial: () => BackendTrial): void {
  if (lose === undefined || restore === undefined) return;

  it('says at once that it cannot ask a system that does not answer, and finds everything when it is back', async () => {
    const { backend, machine, domainId } = await trial().running();
    const changes = watches ? trial().watch(backend) : undefined;
    await lose();
    const asked = performance.now();
    await rejectsWithCode(machine.start(), 'JITSU_BACKEND_UNREACHABLE');
    assert.ok(performance.now() - asked < 1_000, 'a system that does not answer is no reason to wait');
    await restore();
    assert.equal((await trial().until(machine, 'running')).domainId, domainId);
    if (changes === undefined) return;
    await eventually(() =>
      assert.deepEqual(
        changes.slice(-2).map(({ state }) => state),
        ['unknown', 'running'],
      ),
    );
  });
}
