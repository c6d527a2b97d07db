import assert from 'node:assert/strict';
import type { VmRecord } from '#xapi/vm-record.js';
import { stateOf } from '#xapi/vm-state.js';

const aVm = (power_state: string, ...operations: string[]): VmRecord =>
  ({
    power_state,
    current_operations: Object.fromEntries(operations.map((name, index) => [`OpaqueRef:${index}`, name])),
  }) as unknown as VmRecord;

describe('the state of a VM', () => {
  const table: readonly [string, string, ...string[]][] = [
    ['off', 'Halted'],
    ['starting', 'Halted', 'start'],
    ['starting', 'Halted', 'start_on'],
    ['off', 'Halted', 'snapshot'],
    ['starting', 'Paused', 'start'],
    ['paused', 'Paused'],
    ['stopping', 'Paused', 'hard_shutdown'],
    ['running', 'Running'],
    ['running', 'Running', 'start'],
    ['running', 'Running', 'snapshot', 'changing_VCPUs_live'],
    ['running', 'Running', 'pool_migrate'],
    ['stopping', 'Running', 'clean_shutdown'],
    ['stopping', 'Running', 'suspend'],
    ['suspended', 'Suspended'],
    ['starting', 'Suspended', 'resume'],
    ['unknown', 'Unheard-of'],
  ];
  for (const [state, power, ...operations] of table) {
    it(`is ${state} when it is ${power}${operations.length > 0 ? ` during ${operations.join(', ')}` : ''}`, () => {
      assert.equal(stateOf(aVm(power, ...operations)), state);
    });
  }

  it('is running when its guest has not followed a shutdown, until it is ended by force', () => {
    assert.equal(stateOf(aVm('Running', 'clean_shutdown'), true), 'running');
    assert.equal(stateOf(aVm('Running', 'clean_shutdown', 'hard_shutdown'), true), 'stopping');
  });
});
