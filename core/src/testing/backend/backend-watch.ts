import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PowerChange } from '../../contracts/backend.js';
import type { PowerState } from '../../contracts/machine.js';
import type { BackendHarness } from './backend-harness.js';
import type { BackendTrial } from './backend-trial.js';
import { eventually, GLANCE } from '../eventually.js';

const PASSING: readonly PowerState[] = ['starting', 'stopping'];

/** Tests a backend that reports changes of its machines. */
export function testWatch(harness: BackendHarness, trial: () => BackendTrial): void {
  it('tells every change of state, in order and once', async () => {
    const canSuspend = harness.stopModes.suspend === 'suspended';
    const backend = await trial().connect();
    const options = harness.machine('alpha', canSuspend ? 'suspend' : undefined);
    const machine = await trial().machine(backend, 'alpha', options);
    const changes = trial().watch(backend);
    await machine.start();
    await trial().until(machine, 'running');
    const expected: PowerState[] = ['running'];
    if (canSuspend) {
      await trial().stop(machine, 'suspend');
      await machine.resume();
      expected.push('suspended', 'running');
    }
    await trial().stop(machine, trial().ending);
    await eventually(() => assert.deepEqual(lasting(changes), [...expected, 'off']), trial().patience);
    assert.deepEqual(new Set(changes.map((change) => change.id)), new Set([machine.id]));
    for (const [index, { state }] of changes.entries()) {
      assert.notEqual(state, changes[index - 1]?.state, `'${state}' was told twice in a row`);
    }
  });

  it('is silent to one that is disposed of, and tells whoever watches next', async () => {
    const { backend, machine } = await trial().unguarded();
    const [first, second]: [PowerChange[], PowerChange[]] = [[], []];
    const watch = backend.watch?.((change) => first.push(change));
    await machine.start();
    await eventually(() => assert.equal(lasting(first).at(-1), 'running'));
    watch?.[Symbol.dispose]();
    const heard = first.length;
    using _next = backend.watch?.((change) => second.push(change));
    await machine.stop(trial().ending, AbortSignal.timeout(trial().patience));
    await eventually(() => assert.equal(lasting(second).at(-1), 'off'), trial().patience);
    await sleep(GLANCE);
    assert.equal(first.length, heard);
  });

  const { kill, pause } = harness;
  if (kill !== undefined) {
    it('tells that a machine went down behind its back, and can start it again', async () => {
      const { backend, machine, domainId } = await trial().running();
      const changes = trial().watch(backend);
      await kill('alpha', machine.id, domainId);
      await eventually(() => assert.deepEqual(afterStart(changes), ['off']), trial().patience);
      assert.equal((await machine.describe()).state, 'off');
      await machine.start();
      await eventually(() => assert.deepEqual(afterStart(changes), ['off', 'running']), trial().patience);
      await trial().counts(1, machine.id);
    });

    it('tells that a machine which it found running went down', async () => {
      const { backend, machine, domainId } = await trial().running();
      await backend.close();
      const next = await trial().connect();
      await trial().machine(next);
      const changes = trial().watch(next);
      await kill('alpha', machine.id, domainId);
      await eventually(() => assert.deepEqual(afterStart(changes), ['off']), trial().patience);
    });
  }

  if (pause !== undefined) {
    it('tells that a machine was paused behind its back', async () => {
      const { backend, machine, domainId } = await trial().running();
      const changes = trial().watch(backend);
      await pause('alpha', machine.id, domainId);
      await eventually(() => assert.deepEqual(afterStart(changes), ['paused']), trial().patience);
    });
  }
}

/** The states without the transitional ones, which a backend may or may not report. */
function lasting(changes: readonly PowerChange[]): PowerState[] {
  return changes.map(({ state }) => state).filter((state) => !PASSING.includes(state));
}

/** The same without a start before the watch, whose report may have been delayed. */
function afterStart(changes: readonly PowerChange[]): PowerState[] {
  const states = lasting(changes);
  return states[0] === 'running' ? states.slice(1) : states;
}
