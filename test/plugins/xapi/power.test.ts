import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { ApiError } from '../../support/xapi/api-error.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';

describe('a VM of a pool', () => {
  it('is told with its domain id and all its MAC addresses in the order of devices', async () => {
    await using stage = await PoolStage.open();
    const macs = Array.from({ length: 12 }, (_, index) => `00:16:3E:00:00:${index.toString(16).padStart(2, '0')}`);
    stage.pool.addVm('www', { macs });
    const id = await stage.with('www');
    assert.equal((await stage.backend.describe(id)).domainId, undefined);
    await stage.backend.start(id);
    const description = await stage.backend.describe(id);
    assert.deepEqual(description, {
      name: 'www',
      state: 'running',
      domainId: 1,
      macs: macs.map((mac) => mac.toLowerCase()),
    });
  });

  it('starts on the host that is wanted, by name or by uuid', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www', { host: 'host-1' });
    await stage.backend.start(id);
    assert.equal(stage.pool.stateOf('www'), 'Running');
    await stage.stop(id, 'suspend');
    await stage.backend.resume(id);
    assert.deepEqual([stage.pool.called('VM.start_on'), stage.pool.called('VM.resume_on')], [1, 1]);
    assert.deepEqual([stage.pool.called('VM.start'), stage.pool.called('VM.resume')], [0, 0]);
    const host = '00000000-0000-4000-8000-000000000000';
    const error = await rejectsWithCode(stage.with('www', { host }), 'JITSU_UNIKERNEL_INVALID');
    assert.match(error.message, /UUID_INVALID/);
  });

  it('tells that it is starting and stopping while it is', async () => {
    await using stage = await PoolStage.open();
    stage.pool.addVm('www', { habits: { takes: { start: 100, hard_shutdown: 100 } } });
    const id = await stage.with('www');
    const started = stage.backend.start(id);
    await stage.until(id, 'starting');
    await started;
    const stopped = stage.stop(id, 'destroy');
    await stage.until(id, 'stopping');
    await stopped;
    assert.deepEqual(
      stage.changes.map(({ state }) => state),
      ['starting', 'running', 'stopping', 'off'],
    );
  });

  for (const shutdown of ['VM_LACKS_FEATURE', 'VM_FAILED_SHUTDOWN_ACKNOWLEDGMENT'] as const) {
    it(`that cannot be shut down (${shutdown}) gets the time that any other has, and goes on running`, async () => {
      await using stage = await PoolStage.open();
      stage.pool.addVm('www', { habits: { shutdown } });
      const id = await stage.with('www');
      await stage.backend.start(id);
      const patience = new AbortController();
      const stopped = stage.backend.stop(id, 'shutdown', patience.signal);
      await eventually(() => assert.ok(stage.logger.lines.some((line) => line.includes(shutdown))));
      const reason = new Error('enough');
      patience.abort(reason);
      await assert.rejects(stopped, (error) => error === reason);
      await stage.until(id, 'running');
      await stage.stop(id, 'destroy');
      await stage.until(id, 'off');
    });
  }

  it('that is paused or suspended is woken before its guest is asked to shut down', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    for (const state of ['Paused', 'Suspended'] as const) {
      stage.pool.put('www', state);
      await stage.until(id, state === 'Paused' ? 'paused' : 'suspended');
      await stage.stop(id, 'shutdown');
      assert.equal(stage.pool.stateOf('www'), 'Halted');
    }
    stage.pool.put('www', 'Paused');
    await stage.until(id, 'paused');
    await stage.stop(id, 'suspend');
    assert.equal(stage.pool.stateOf('www'), 'Suspended');
    assert.equal(stage.pool.called('VM.hard_shutdown'), 0);
  });

  it('is waited for while another operation on it is in progress, but not for ever', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    const busy = {
      kind: 'error',
      code: 'OTHER_OPERATION_IN_PROGRESS',
      parameters: ['VM', 'OpaqueRef:1', 'snapshot'],
    } as const;
    stage.server.faults.plan('VM.start', busy, 3);
    await stage.backend.start(id);
    assert.equal(stage.pool.stateOf('www'), 'Running');
    await stage.stop(id, 'destroy');
    stage.server.faults.plan('VM.start', busy, 1_000);
    const error = await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /OTHER_OPERATION_IN_PROGRESS\(VM, OpaqueRef:1, snapshot\)/);
  });

  it('that somebody else has started or stopped meanwhile is what was wanted', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    const bad = {
      kind: 'error',
      code: 'VM_BAD_POWER_STATE',
      parameters: ['OpaqueRef:1', 'halted', 'running'],
    } as const;
    stage.server.faults.plan('VM.start', bad);
    const error = await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_FAILED');
    assert.match(error.message, /VM_BAD_POWER_STATE\(OpaqueRef:1, halted, running\)/);
    stage.pool.put('www', 'Running');
    await stage.backend.start(id);
    stage.pool.put('www', 'Halted');
    await stage.stop(id, 'destroy');
    await stage.until(id, 'off');
  });

  it('that is deleted is off, and cannot be started any more', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    await stage.backend.start(id);
    stage.pool.remove('www');
    await stage.until(id, 'off');
    assert.match((await stage.backend.describe(id)).detail ?? '', /does not have it any more/);
    const error = await rejectsWithCode(stage.backend.start(id), 'JITSU_UNIKERNEL_UNKNOWN');
    assert.match(error.message, /www cannot be started/);
    await stage.stop(id, 'destroy');
  });

  it('keeps the code and the parameters of a refusal, with what to do about it', async () => {
    await using stage = await PoolStage.open();
    stage.pool.addVm('www', { habits: { broken: new ApiError('HOST_NOT_ENOUGH_FREE_MEMORY', ['1024', '512']) } });
    const id = await stage.with('www');
    const error = await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_FAILED');
    assert.match(
      error.message,
      /^www cannot be started: .* HOST_NOT_ENOUGH_FREE_MEMORY\(1024, 512\)\. Stop another VM/,
    );
    const { code, params } = error.cause as { code: string; params: unknown };
    assert.deepEqual([code, params], ['HOST_NOT_ENOUGH_FREE_MEMORY', ['1024', '512']]);
    stage.server.faults.plan('VM.start', { kind: 'error', code: 'RBAC_PERMISSION_DENIED', parameters: ['vm.start'] });
    await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_DENIED');
    stage.server.faults.plan('VM.start', { kind: 'error', code: 'HANDLE_INVALID', parameters: ['VM', 'OpaqueRef:1'] });
    await rejectsWithCode(stage.backend.start(id), 'JITSU_UNIKERNEL_UNKNOWN');
  });

  it('has the addresses that its agent reports, once it does', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    assert.deepEqual(await stage.backend.addresses(id), []);
    await stage.backend.start(id);
    stage.pool.report('www', { '0/ip': '192.0.2.44' });
    await eventually(async () => assert.deepEqual(await stage.backend.addresses(id), ['192.0.2.44']));
  });
});
