import assert from 'node:assert/strict';
import { stateAfter } from '#libvirt/domain-event.js';

const DETAILS = Array.from({ length: 12 }, (_, detail) => detail);

/** By the names of libvirt's documentation, without VIR_DOMAIN_EVENT_. */
describe('the state after an event of libvirt', () => {
  for (const { name, event, expected } of [
    { name: 'DEFINED', event: 0, expected: undefined },
    { name: 'UNDEFINED', event: 1, expected: undefined },
    { name: 'STARTED', event: 2, expected: 'running' },
    { name: 'RESUMED', event: 4, expected: 'running' },
    { name: 'STOPPED', event: 5, expected: 'off' },
    { name: 'SHUTDOWN', event: 6, expected: 'stopping' },
    { name: 'PMSUSPENDED', event: 7, expected: 'suspended' },
    { name: 'CRASHED', event: 8, expected: 'off' },
    { name: '(one of a later libvirt)', event: 99, expected: undefined },
  ]) {
    it(`${name} is ${expected ?? 'to be asked for'}, whatever its detail`, () => {
      for (const detail of DETAILS) assert.equal(stateAfter(event, detail)?.state, expected, `detail ${detail}`);
    });
  }

  for (const { name, detail, expected } of [
    { name: 'PAUSED', detail: 0, expected: { state: 'paused' } },
    { name: 'MIGRATED', detail: 1, expected: { state: 'stopping', detail: 'it is being migrated to another host' } },
    { name: 'IOERROR', detail: 2, expected: { state: 'paused', detail: 'a disk error paused it' } },
    { name: 'WATCHDOG', detail: 3, expected: { state: 'paused', detail: 'its watchdog paused it' } },
    { name: 'RESTORED', detail: 4, expected: { state: 'paused' } },
    { name: 'FROM_SNAPSHOT', detail: 5, expected: { state: 'paused' } },
    { name: 'API_ERROR', detail: 6, expected: { state: 'paused' } },
    { name: 'POSTCOPY', detail: 7, expected: { state: 'stopping', detail: 'it is being migrated to another host' } },
    { name: 'POSTCOPY_FAILED', detail: 8, expected: { state: 'paused', detail: 'its migration failed' } },
    { name: '(a later one)', detail: 99, expected: { state: 'paused' } },
  ]) {
    it(`SUSPENDED_${name} is '${expected.state}'`, () => {
      assert.deepEqual(stateAfter(3, detail), expected);
    });
  }

  for (const { name, detail, why } of [
    { name: 'SHUTDOWN', detail: 0, why: 'its guest shut down' },
    { name: 'DESTROYED', detail: 1, why: 'it was destroyed' },
    { name: 'CRASHED', detail: 2, why: 'it crashed' },
    { name: 'MIGRATED', detail: 3, why: 'it was migrated to another host' },
    { name: 'SAVED', detail: 4, why: 'its memory is saved, and its next start restores it' },
    { name: 'FAILED', detail: 5, why: 'its hypervisor failed to run it' },
    { name: 'FROM_SNAPSHOT', detail: 6, why: 'it was reverted to a snapshot that does not run' },
  ]) {
    it(`STOPPED_${name} is 'off': ${why}`, () => {
      assert.deepEqual(stateAfter(5, detail), { state: 'off', detail: why });
    });
  }
});
