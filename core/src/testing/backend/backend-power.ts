import assert from 'node:assert/strict';
import type { GuardedMachine } from '../../lifecycle/guarded-backend.js';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';
import { eventually, isPending } from '../eventually.js';
import { rejectsWithCode } from '../rejects-with-code.js';

/** Tests starting and stopping the machines of a backend. */
export function testPower(harness: BackendHarness, trial: () => BackendTrial): void {
  it('starts a machine that is off', async () => {
    const { machine, domainId } = await trial().running();
    if (domainId !== undefined) assert.ok(Number.isSafeInteger(domainId) && domainId > 0);
    await trial().counts(1, machine.id);
  });

  for (const [mode, state] of Object.entries(harness.stopModes)) {
    it(`stops a running machine by '${mode}', after which it is ${state}, and wakes it again`, async () => {
      const { machine } = await trial().running({ mode });
      await trial().stop(machine, mode);
      assert.equal((await machine.describe()).state, state);
      await trial().counts(state === 'off' ? 0 : 1, machine.id);
      await wake(machine);
      await trial().until(machine, 'running');
      await trial().counts(1, machine.id);
    });

    it(`has nothing to do when it stops by '${mode}' what is off`, async () => {
      const machine = await trial().machine(await trial().connect());
      await trial().stop(machine, mode);
      assert.equal((await machine.describe()).state, 'off');
    });

    it(`stops a machine once when several ask for '${mode}' at the same time`, async () => {
      const { machine } = await trial().running({ mode });
      await Promise.all([1, 2, 3].map(() => trial().stop(machine, mode)));
      assert.equal((await machine.describe()).state, state);
    });

    if (state !== 'off') {
      it(`ends a machine that '${mode}' has put to sleep`, async () => {
        const { machine } = await trial().running({ mode });
        await trial().stop(machine, mode);
        await trial().stop(machine, trial().ending);
        assert.equal((await machine.describe()).state, 'off');
        await trial().counts(0, machine.id);
      });
    }
  }

  it('runs one machine when several ask for it at the same time', async () => {
    const machine = await trial().machine(await trial().connect());
    await Promise.all([1, 2, 3, 4, 5].map(() => machine.start()));
    const { domainId } = await trial().until(machine, 'running');
    await trial().counts(1, machine.id);
    await machine.start();
    assert.equal((await machine.describe()).domainId, domainId);
    await trial().counts(1, machine.id);
  });

  it('is one machine to all who have asked for it', async () => {
    const { backend, machine, domainId } = await trial().running();
    const other = await trial().machine(backend);
    assert.equal(other.id, machine.id);
    assert.equal((await trial().until(other, 'running')).domainId, domainId);
    await other.start();
    await trial().counts(1, machine.id);
    await trial().stop(other, trial().ending);
    assert.equal((await machine.describe()).state, 'off');
    await Promise.all([machine.start(), other.start()]);
    await trial().until(machine, 'running');
    await trial().counts(1, machine.id);
  });

  it('leaves a running machine alone when it is started, resumed or unpaused', async () => {
    const { machine, domainId } = await trial().running();
    await machine.start();
    await machine.resume();
    await machine.unpause();
    const description = await machine.describe();
    assert.deepEqual([description.state, description.domainId], ['running', domainId]);
    await trial().counts(1, machine.id);
  });

  it('runs two machines side by side and stops only the one that is meant', async () => {
    const { backend, machine } = await trial().running();
    const other = await trial().machine(backend, 'beta');
    await other.start();
    await trial().until(other, 'running');
    await trial().stop(machine, trial().ending);
    assert.equal((await machine.describe()).state, 'off');
    assert.equal((await other.describe()).state, 'running');
  });

  it('refuses a stop mode that it does not claim, and the machine runs on', async () => {
    const { machine } = await trial().running();
    const error = await rejectsWithCode(trial().stop(machine, 'no-such-mode'), 'JITSU_STOP_MODE_UNSUPPORTED');
    assert.match(error.message, /no-such-mode/, 'the message must name the mode');
    assert.equal((await machine.describe()).state, 'running');
  });

  testOutput(harness, trial);
  testStubbornMachine(harness, trial);
  testBrokenMachine(harness, trial);
  testPausedMachine(harness, trial);
}

function testOutput({ writes }: BackendHarness, trial: () => BackendTrial): void {
  if (writes === undefined) return;

  it('knows what a machine has written last, also after it has ended, and of each alone', async () => {
    const backend = await trial().connect();
    const { options, lines } = writes('alpha');
    const [machine, other] = [await trial().machine(backend, 'alpha', options), await trial().machine(backend, 'beta')];
    assert.deepEqual(await machine.recentOutput(), []);
    await machine.start();
    await trial().until(machine, 'off');
    const written = async (): Promise<void> =>
      assert.deepEqual((await machine.recentOutput()).slice(-lines.length), lines);
    await eventually(written, trial().patience);
    assert.deepEqual(await other.recentOutput(), []);
  });
}

function testStubbornMachine({ stubborn }: BackendHarness, trial: () => BackendTrial): void {
  if (stubborn === undefined) return;

  it("rejects with the signal's reason when a machine does not stop in time, and can still end it", async () => {
    const { machine } = await trial().running({ options: stubborn('alpha'), mode: 'shutdown' });
    const patience = new AbortController();
    const stopped = machine.stop('shutdown', patience.signal);
    assert.ok(await isPending(stopped), 'a machine that does not react cannot have stopped');
    const reason = new Error('out of patience');
    patience.abort(reason);
    await assert.rejects(stopped, (error) => error === reason);
    assert.equal((await machine.describe()).state, 'running');
    await assert.rejects(machine.stop('shutdown', AbortSignal.abort(reason)), (error) => error === reason);
    await trial().stop(machine, 'destroy');
    assert.equal((await machine.describe()).state, 'off');
    await trial().counts(0, machine.id);
  });
}

function testBrokenMachine({ broken }: BackendHarness, trial: () => BackendTrial): void {
  if (broken === undefined) return;

  it('says why a machine cannot be started, and that it is off', async () => {
    const machine = await trial().machine(await trial().connect(), 'alpha', broken('alpha'));
    const error = await rejectsWithCode(machine.start(), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /alpha/, 'the message must name the unikernel');
    assert.equal((await machine.describe()).state, 'off');
  });
}

function testPausedMachine({ pause }: BackendHarness, trial: () => BackendTrial): void {
  if (pause === undefined) return;

  it('unpauses a machine that was paused behind its back', async () => {
    const { machine, domainId } = await trial().running();
    await pause('alpha', machine.id, domainId);
    await trial().until(machine, 'paused');
    await machine.unpause();
    await trial().until(machine, 'running');
    await trial().counts(1, machine.id);
  });
}

/** Brings a machine up from any state, as the core does. */
async function wake(machine: GuardedMachine): Promise<void> {
  const { state } = await machine.describe();
  if (state === 'suspended') await machine.resume();
  else if (state === 'paused') await machine.unpause();
  else await machine.start();
}
