import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { rejectsWithCode } from '#core/testing/rejects-with-code.js';
import { PoolEmulator } from '../../support/xapi/pool-emulator.js';
import { PoolServer } from '../../support/xapi/pool-server.js';
import { PoolStage } from '../../support/xapi/pool-stage.js';

const LOGIN = 'session.login_with_password';

describe('a session with a pool', () => {
  it('that has expired is renewed by whoever needs it, once, and nobody notices', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    stage.pool.expireSessions();
    await stage.backend.start(id);
    assert.equal(stage.pool.called(LOGIN), 2);
    stage.pool.put('www', 'Halted');
    await stage.until(id, 'off');
    assert.deepEqual(
      stage.changes.map(({ state }) => state).filter((state) => state !== 'starting'),
      ['running', 'off'],
    );
    assert.deepEqual(stage.logger.lines, []);
  });

  for (const speaks of ['json-rpc', 'xml-rpc'] as const) {
    it(`is opened where the type of a reply has a parameter, over ${speaks}`, async () => {
      await using stage = await PoolStage.open({ speaks, charset: '; charset=utf-8' });
      await stage.backend.start(await stage.with('www'));
      assert.deepEqual([stage.pool.stateOf('www'), stage.pool.called(LOGIN)], ['Running', 1]);
    });
  }

  it('waits for a pool that takes longer to list its VMs than to answer anything else', async function () {
    this.timeout(30_000);
    await using stage = await PoolStage.open();
    stage.server.faults.plan('VM.get_all_records', { kind: 'latency', milliseconds: 12_000 });
    await stage.with('www');
    assert.equal(stage.pool.called(LOGIN), 1);
  });

  it('tells the domain id of a guest that has rebooted', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    await stage.backend.start(id);
    stage.pool.reboot('www');
    await eventually(() =>
      assert.deepEqual(
        stage.changes.filter(({ state }) => state === 'running').map(({ domainId }) => domainId),
        [1, 2],
      ),
    );
  });

  it('reads everything anew when it was renewed, as nothing was heard meanwhile', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    await eventually(() => assert.equal(stage.pool.called('event.from'), 1));
    stage.pool.vm('www').record.power_state = 'Running';
    stage.pool.expireSessions();
    await stage.until(id, 'running');
    assert.equal(stage.pool.called('VM.get_all_records'), 2);
  });

  it('reads everything anew when events were lost', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    await eventually(() => assert.equal(stage.pool.called('event.from'), 1));
    stage.pool.vm('www').record.power_state = 'Paused';
    stage.pool.loseEvents();
    await stage.until(id, 'paused');
    assert.deepEqual([stage.pool.called('VM.get_all_records'), stage.pool.called(LOGIN)], [2, 1]);
  });

  it('is opened at the coordinator, whichever host is asked', async () => {
    await using coordinator = await PoolServer.start({ address: '127.0.0.2' });
    const { pool, port } = coordinator;
    await using stage = await PoolStage.open({ pool, port });
    stage.server.coordinator = '127.0.0.2';
    const id = await stage.with('www');
    await stage.backend.start(id);
    assert.equal(pool.stateOf('www'), 'Running');
  });

  it('follows the role of the coordinator when that passes to another host', async () => {
    await using next = await PoolServer.start({ address: '127.0.0.2' });
    const { pool, port } = next;
    await using stage = await PoolStage.open({ pool, port });
    const id = await stage.with('www');
    stage.server.coordinator = '127.0.0.2';
    await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_UNREACHABLE');
    await eventually(() => stage.backend.start(id));
    await stage.until(id, 'running');
    assert.equal(pool.stateOf('www'), 'Running');
  });

  it('is opened at another host of the pool when the one that was named is gone for good', async () => {
    await using stage = await PoolStage.open();
    stage.pool.addHost('host-2', '127.0.0.2');
    await using next = await PoolServer.start({ pool: stage.pool, address: '127.0.0.2', port: stage.server.port });
    next.coordinator = '127.0.0.1';
    const id = await stage.with('www');
    await stage.server.lose();
    await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_UNREACHABLE');
    next.coordinator = undefined;
    await eventually(() => stage.backend.start(id));
    await stage.until(id, 'running');
    assert.match(stage.logger.lines.at(-1) ?? '', /answers again, at http:\/\/127\.0\.0\.2:/);
  });

  it('is not taken for that of the pool at a host which belongs to another one by now', async () => {
    await using stage = await PoolStage.open();
    stage.pool.addHost('host-2', '127.0.0.2');
    const pool = new PoolEmulator('another');
    await using apart = await PoolServer.start({ pool, address: '127.0.0.2', port: stage.server.port });
    const id = await stage.with('www');
    await stage.server.lose();
    await eventually(() => assert.ok(apart.pool.called('session.logout') > 0));
    assert.equal(stage.changes.at(-1)?.state, 'unknown');
    await rejectsWithCode(stage.backend.describe(id), 'JITSU_BACKEND_UNREACHABLE');
    await stage.server.restore();
    await stage.until(id, 'off');
  });

  it('is ended with the connection, and leaves none behind', async () => {
    await using stage = await PoolStage.open();
    await stage.with('www');
    assert.equal(stage.pool.sessions, 1);
    await stage.backend.close();
    assert.equal(stage.pool.sessions, 0);
  });

  it('is not tried again and again where the password has been changed', async () => {
    await using stage = await PoolStage.open();
    const id = await stage.with('www');
    stage.pool.password = 'another';
    stage.pool.expireSessions();
    await eventually(() => assert.equal(stage.changes.at(-1)?.state, 'unknown'));
    const error = await rejectsWithCode(stage.backend.describe(id), 'JITSU_BACKEND_DENIED');
    assert.match(error.message, /trying again in 15 s/);
  });
});

describe('a pool that takes connections and then says nothing', function () {
  this.timeout(40_000);

  it('is given up within some 15 s, and found again when it speaks', async () => {
    await using stage = await PoolStage.open();
    const silence = { kind: 'silence' } as const;
    stage.server.faults.plan('event.from', silence);
    stage.server.faults.plan('VM.start', silence);
    const id = await stage.with('www');
    const asked = performance.now();
    await rejectsWithCode(stage.backend.start(id), 'JITSU_BACKEND_UNREACHABLE');
    assert.ok(performance.now() - asked < 20_000);
    await eventually(() => stage.backend.start(id));
    await stage.until(id, 'running');
  });
});
