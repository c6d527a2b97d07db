import assert from 'node:assert/strict';
import { JitsuError } from '#core/errors.js';
import { eventually } from '#core/testing/eventually.js';
import type { Fault } from '../../support/xapi/faults.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';

/** All that a summon says to a pool, from the login on. */
const STEPS = [
  'session.login_with_password',
  'pool.get_all_records',
  'system.listMethods',
  'event.inject',
  'VM.get_all_records',
  'host.get_all_records',
  'event.from',
  'VIF.get_all_records',
  'VM.start',
  'VM.get_record',
];

const FAULTS: Readonly<Record<string, Fault>> = {
  'is slow': { kind: 'latency', milliseconds: 50 },
  'is cut before it is obeyed': { kind: 'cut', at: 'call' },
  'is cut in the middle of the reply': { kind: 'cut', at: 'reply' },
  'gets an HTTP error': { kind: 'status', status: 500 },
  'meets an expired session': { kind: 'expiry' },
  'meets a host that is the coordinator no more': {
    kind: 'error',
    code: 'HOST_IS_SLAVE',
    parameters: ['127.0.0.1'],
  },
  'meets a host that still boots': { kind: 'error', code: 'HOST_STILL_BOOTING' },
  'meets a defect': { kind: 'error', code: 'INTERNAL_ERROR', parameters: ['Not_found'] },
};

const CODES = ['JITSU_BACKEND_UNREACHABLE', 'JITSU_BACKEND_FAILED'];

for (const step of STEPS) {
  describe(`a summon whose ${step}`, () => {
    for (const [happens, fault] of Object.entries(FAULTS)) {
      it(`${happens} fails with a reason or not at all, and the next one boots the VM, once`, async () => {
        await using stage = await PoolStage.open();
        stage.pool.addVm('www', { macs: ['00:16:3e:00:00:01'] });
        stage.server.faults.plan(step, fault);
        const failures: unknown[] = [];
        await eventually(async () => {
          try {
            const id = await stage.with('www');
            await stage.backend.describe(id);
            await stage.backend.start(id);
            const { state, domainId, macs } = await stage.backend.describe(id);
            assert.deepEqual({ state, domainId, macs: macs?.length }, { state: 'running', domainId: 1, macs: 1 });
          } catch (error) {
            failures.push(error);
            throw error;
          }
        });
        await eventually(() => assert.ok(stage.server.faults.areOver));
        for (const error of failures) {
          assert.ok(error instanceof JitsuError, String(error));
          assert.ok(CODES.includes(error.code), error.message);
          assert.doesNotMatch(error.message, /secret/);
        }
        const mayExpire = fault.kind === 'expiry' && step !== 'pool.get_all_records'; // which is part of the login
        if (fault.kind === 'latency' || mayExpire) assert.deepEqual(failures, []);
        assert.equal(stage.pool.stateOf('www'), 'Running');
        await eventually(() => stage.stop(stage.pool.vm('www').record['uuid'] as string, 'destroy'));
        assert.equal(stage.pool.stateOf('www'), 'Halted');
        assert.ok(!stage.logger.lines.some((line) => line.includes('secret')));
      });
    }
  });
}
