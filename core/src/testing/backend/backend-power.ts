import assert from 'node:assert/strict';
import type { Backend, UnikernelId } from '../../contracts/backend.js';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';
import { isPending } from '../eventually.js';
import { rejectsWithCode } from '../rejects-with-code.js';

const NEVER_REGISTERED = '00000000-0000-5000-8000-000000000000';

/** What holds of starting and stopping machines with any backend. */
export function testPower(harness: BackendHarness, trial: () => BackendTrial): void {
  it('starts a machine that is off', async () => {
    const { id, domainId } = await trial().running();
    if (domainId !== undefined) assert.ok(Number.isSafeInteger(domainId) && domainId > 0);
    await trial().counts(1, id);
  });

  for (const [mode, state] of Object.entries(harness.stopModes)) {
    it(`stops a running machine by '${mode}', after which it is ${state}, and wakes it again`, async () => {
      const { backend, id } = await trial().running({ mode });
      await trial().stop(backend, id, mode);
      assert.equal((await backend.describe(id)).state, state);
      await trial().counts(state === 'off' ? 0 : 1, id);
      await wake(backend, id);
      await trial().until(backend, id, 'running');
      await trial().counts(1, id);
    });

    it(`has nothing to do when it stops by '${mode}' what is off`, async () => {
      const backend = await trial().connect();
      const id = await trial().register(backend);
      await trial().stop(backend, id, mode);
      assert.equal((await backend.describe(id)).state, 'off');
    });

    it(`stops a machine once when several ask for '${mode}' at the same time`, async () => {
      const { backend, id } = await trial().running({ mode });
      await Promise.all([1, 2, 3].map(() => trial().stop(backend, id, mode)));
      assert.equal((await backend.describe(id)).state, state);
    });

    if (state !== 'off') {
      it(`ends a machine that '${mode}' has put to sleep`, async () => {
        const { backend, id } = await trial().running({ mode });
        await trial().stop(backend, id, mode);
        await trial().stop(backend, id, trial().ending);
        assert.equal((await backend.describe(id)).state, 'off');
        await trial().counts(0, id);
      });
    }
  }

  it('runs one machine when several ask for it at the same time', async () => {
    const backend = await trial().connect();
    const id = await trial().register(backend);
    await Promise.all([1, 2, 3, 4, 5].map(() => backend.start(id)));
    const { domainId } = await trial().until(backend, id, 'running');
    await trial().counts(1, id);
    await backend.start(id);
    assert.equal((await backend.describe(id)).domainId, domainId);
    await trial().counts(1, id);
  });

  it('leaves a running machine alone when it is started, resumed or unpaused', async () => {
    const { backend, id, domainId } = await trial().running();
    await backend.start(id);
    await backend.resume(id);
    await backend.unpause(id);
    const description = await backend.describe(id);
    assert.deepEqual([description.state, description.domainId], ['running', domainId]);
    await trial().counts(1, id);
  });

  it('runs two machines side by side and stops only the one that is meant', async () => {
    const { backend, id } = await trial().running();
    const other = await trial().register(backend, 'beta');
    await backend.start(other);
    await trial().until(backend, other, 'running');
    await trial().stop(backend, id, trial().ending);
    assert.equal((await backend.describe(id)).state, 'off');
    assert.equal((await backend.describe(other)).state, 'running');
  });

  it('refuses a stop mode that it does not claim, and the machine runs on', async () => {
    const { backend, id } = await trial().running();
    const error = await rejectsWithCode(trial().stop(backend, id, 'no-such-mode'), 'JITSU_STOP_MODE_UNSUPPORTED');
    assert.match(error.message, /no-such-mode/, 'the message must name the mode');
    assert.equal((await backend.describe(id)).state, 'running');
  });

  it('knows nothing of an id that was never registered', async () => {
    const backend = await trial().connect();
    for (const call of [
      () => backend.describe(NEVER_REGISTERED),
      () => backend.start(NEVER_REGISTERED),
      () => backend.resume(NEVER_REGISTERED),
      () => backend.unpause(NEVER_REGISTERED),
      () => trial().stop(backend, NEVER_REGISTERED, trial().ending),
    ]) {
      await rejectsWithCode(call(), 'JITSU_UNIKERNEL_UNKNOWN');
    }
  });

  testStubbornMachine(harness, trial);
  testBrokenMachine(harness, trial);
  testPausedMachine(harness, trial);
}

function testStubbornMachine({ stubborn }: BackendHarness, trial: () => BackendTrial): void {
  if (stubborn === undefined) return;

  it("rejects with the signal's reason when a machine does not stop in time, and can still end it", async () => {
    const { backend, id } = await trial().running({ options: stubborn('alpha'), mode: 'shutdown' });
    const patience = new AbortController();
    const stopped = backend.stop(id, 'shutdown', patience.signal);
    assert.ok(await isPending(stopped), 'a machine that does not react cannot have stopped');
    const reason = new Error('out of patience');
    patience.abort(reason);
    await assert.rejects(stopped, (error) => error === reason);
    assert.equal((await backend.describe(id)).state, 'running');
    await assert.rejects(backend.stop(id, 'shutdown', AbortSignal.abort(reason)), (error) => error === reason);
    await trial().stop(backend, id, 'destroy');
    assert.equal((await backend.describe(id)).state, 'off');
    await trial().counts(0, id);
  });
}

function testBrokenMachine({ broken }: BackendHarness, trial: () => BackendTrial): void {
  if (broken === undefined) return;

  it('says why a machine cannot be started, and that it is off', async () => {
    const backend = await trial().connect();
    const id = await trial().register(backend, 'alpha', broken('alpha'));
    const error = await rejectsWithCode(backend.start(id), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /alpha/, 'the message must name the unikernel');
    assert.equal((await backend.describe(id)).state, 'off');
  });
}

function testPausedMachine({ pause }: BackendHarness, trial: () => BackendTrial): void {
  if (pause === undefined) return;

  it('unpauses a machine that was paused behind its back', async () => {
    const { backend, id, domainId } = await trial().running();
    await pause('alpha', id, domainId);
    await trial().until(backend, id, 'paused');
    await backend.unpause(id);
    await trial().until(backend, id, 'running');
    await trial().counts(1, id);
  });
}

/** What the core does to bring a machine up again from wherever it is. */
async function wake(backend: Backend, id: UnikernelId): Promise<void> {
  const { state } = await backend.describe(id);
  if (state === 'suspended') await backend.resume(id);
  else if (state === 'paused') await backend.unpause(id);
  else await backend.start(id);
}
