import assert from 'node:assert/strict';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { tellFigure } from '../../support/tell-figure.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';
import { uuidOf } from '../../support/xapi/pool-emulator.js';

describe('which VM of a pool a unikernel is', () => {
  it('is said by its uuid where several have its name, which is an error that lists them', async () => {
    await using stage = await PoolStage.open();
    stage.pool.addVm('www');
    stage.pool.addVm('www');
    await stage.backend.connect();
    const error = await rejectsWithCode(stage.register({ name: 'www' }), 'JITSU_UNIKERNEL_INVALID');
    const [first, second] = [uuidOf('www 1'), uuidOf('www 2')];
    assert.match(error.message, /2 VMs called 'www'/);
    for (const uuid of [first, second]) assert.ok(error.message.includes(uuid));
    assert.equal(await stage.register({ name: 'www', uuid: second } as { name: string }), second);
  });

  for (const [kind, field] of [
    ['a template', 'is_a_template'],
    ['a snapshot', 'is_a_snapshot'],
    ['a control domain', 'is_control_domain'],
  ] as const) {
    it(`is never ${kind}`, async () => {
      await using stage = await PoolStage.open();
      const { record } = stage.pool.addVm('www', { [field]: true });
      await stage.backend.connect();
      const byName = await rejectsWithCode(stage.register({ name: 'www' }), 'JITSU_UNIKERNEL_UNKNOWN');
      assert.match(byName.message, /no VM called 'www'/);
      const options = { name: 'x', uuid: record['uuid'] } as { name: string };
      const byUuid = await rejectsWithCode(stage.register(options), 'JITSU_UNIKERNEL_INVALID');
      assert.ok(byUuid.message.includes(kind), byUuid.message);
    });
  }

  it('may change its name while Jitsu runs', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    stage.pool.vm('www').record['name_label'] = 'renamed';
    await stage.backend.start(id);
    assert.deepEqual((await stage.backend.describe(id)).name, 'renamed');
  });

  it('is asked for once, whatever the number of VMs: 500 cost one reading, and none of them a call', async () => {
    await using stage = await PoolStage.open();
    const names = Array.from({ length: 500 }, (_, index) => `vm-${index}`);
    for (const name of names) stage.pool.addVm(name, { macs: ['00:16:3e:00:00:01'] });
    await stage.backend.connect();
    const ids = [];
    for (const name of names) ids.push(await stage.register({ name }));
    for (const id of ids) assert.equal((await stage.backend.describe(id)).macs?.length, 1);
    const methods = stage.pool.calls.map(({ method }) => method).filter((method) => method !== 'event.from');
    tellFigure(`500 VMs, registered and described: ${methods.join(', ')}`);
    assert.deepEqual(methods, [
      'session.login_with_password',
      'pool.get_all_records',
      'system.listMethods',
      'event.inject',
      'host.get_all_records',
      'VM.get_all_records',
      'VIF.get_all_records',
    ]);
  });
});
