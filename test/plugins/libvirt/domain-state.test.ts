import assert from 'node:assert/strict';
import { stateInWords } from '#libvirt/domain-state.js';

/** virDomainState, by the names of libvirt's documentation. */
const RUNNING = 1;
const BLOCKED = 2;
const PAUSED = 3;
const SHUTDOWN = 4;
const SHUTOFF = 5;
const CRASHED = 6;
const PMSUSPENDED = 7;

/** More than any state of libvirt has. */
const REASONS = Array.from({ length: 20 }, (_, reason) => reason);

describe('what a state of libvirt means', () => {
  for (const { name, state, expected } of [
    { name: 'VIR_DOMAIN_RUNNING', state: RUNNING, expected: 'running' },
    { name: 'VIR_DOMAIN_BLOCKED', state: BLOCKED, expected: 'running' },
    { name: 'VIR_DOMAIN_SHUTDOWN', state: SHUTDOWN, expected: 'stopping' },
    { name: 'VIR_DOMAIN_SHUTOFF', state: SHUTOFF, expected: 'off' },
    { name: 'VIR_DOMAIN_CRASHED', state: CRASHED, expected: 'off' },
    { name: 'VIR_DOMAIN_PMSUSPENDED', state: PMSUSPENDED, expected: 'suspended' },
  ]) {
    it(`${name} is '${expected}', for whichever reason`, () => {
      for (const reason of REASONS) assert.equal(stateInWords(state, reason).state, expected, `reason ${reason}`);
    });
  }

  for (const { name, reason, expected } of [
    { name: 'UNKNOWN', reason: 0, expected: { state: 'paused' } },
    { name: 'USER', reason: 1, expected: { state: 'paused' } },
    { name: 'MIGRATION', reason: 2, expected: { state: 'stopping', detail: 'it is being migrated to another host' } },
    { name: 'SAVE', reason: 3, expected: { state: 'stopping', detail: 'its memory is being saved' } },
    { name: 'DUMP', reason: 4, expected: { state: 'starting', detail: 'its memory is being dumped' } },
    { name: 'IOERROR', reason: 5, expected: { state: 'paused', detail: 'a disk error paused it' } },
    { name: 'WATCHDOG', reason: 6, expected: { state: 'paused', detail: 'its watchdog paused it' } },
    { name: 'FROM_SNAPSHOT', reason: 7, expected: { state: 'paused' } },
    { name: 'SHUTTING_DOWN', reason: 8, expected: { state: 'stopping' } },
    { name: 'SNAPSHOT', reason: 9, expected: { state: 'starting', detail: 'a snapshot of it is being made' } },
    { name: 'CRASHED', reason: 10, expected: { state: 'paused', detail: 'its guest crashed' } },
    { name: 'STARTING_UP', reason: 11, expected: { state: 'starting' } },
    { name: 'POSTCOPY', reason: 12, expected: { state: 'stopping', detail: 'it is being migrated to another host' } },
    { name: 'POSTCOPY_FAILED', reason: 13, expected: { state: 'paused', detail: 'its migration failed' } },
    { name: 'of a later libvirt', reason: 99, expected: { state: 'paused' } },
  ]) {
    it(`VIR_DOMAIN_PAUSED_${name} is '${expected.state}'`, () => {
      assert.deepEqual(stateInWords(PAUSED, reason), expected);
    });
  }

  it('VIR_DOMAIN_SHUTOFF says why it ended', () => {
    assert.deepEqual(REASONS.map((reason) => stateInWords(SHUTOFF, reason).detail).slice(0, 10), [
      undefined,
      'its guest shut down',
      'it was destroyed',
      'it crashed',
      'it was migrated to another host',
      'its memory is saved, and its next start restores it',
      'its hypervisor failed to run it',
      'it was reverted to a snapshot that does not run',
      'libvirt ended it',
      undefined,
    ]);
    assert.ok(!('detail' in stateInWords(SHUTOFF, 0)), 'not even an empty reason');
  });

  it('tells a crash that libvirt keeps from an end, and a sleep of the guest from a pause', () => {
    assert.match(stateInWords(CRASHED, 1).detail ?? '', /crashed/);
    assert.match(stateInWords(PMSUSPENDED, 1).detail ?? '', /sleeps/);
  });

  it("no state, and one of a later libvirt, are 'unknown', with the number", () => {
    for (const state of [0, 8, -1, 99]) {
      const { state: power, detail } = stateInWords(state, 0);
      assert.equal(power, 'unknown');
      assert.ok(detail?.includes(`(${state})`), detail);
    }
  });
});
