import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';

describe('Jitsu with virtual machines of libvirt, ended and started again', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);
  const eventuallyOff = (guest: DefinedGuest): Promise<void> =>
    eventually(async () => assert.equal(await stateOf(guest), 'shut off (destroyed)'), 60_000);

  it('after kill -9 adopts the one that runs on, and stops it in time', async () => {
    const guest = await libvirtd.define('adopted');
    await using jitsu = guestJitsu(libvirtd, [guest], { dns: { ttl: 4 } });
    await jitsu.start();
    await jitsu.ask('adopted.test');
    const { bootId } = await libvirtd.pageOf(guest);
    const pids = await libvirtd.qemuPids('adopted');
    assert.equal(await jitsu.end('SIGKILL'), 'SIGKILL');

    await jitsu.start();
    const { state, totalStarts } = await jitsu.status('adopted');
    assert.deepEqual({ state, totalStarts }, { state: 'running', totalStarts: 0 });
    assert.deepEqual((await jitsu.ask('adopted.test')).addresses, [guest.address]);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
    assert.deepEqual(await libvirtd.qemuPids('adopted'), pids);
    await eventuallyOff(guest);
    assert.deepEqual(await libvirtd.qemuPids('adopted'), []);
  });

  it('after kill -9 during a boot waits for the same boot, and answers only when that is through', async () => {
    const guest = await libvirtd.define('booting', { slow: 6 });
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const summoned = assert.rejects(jitsu.control.summon('booting'));
    await eventually(async () => assert.equal((await jitsu.status('booting')).state, 'running'), 60_000);
    const pids = await libvirtd.qemuPids('booting');
    await jitsu.end('SIGKILL');
    await summoned;

    await jitsu.start();
    assert.deepEqual((await jitsu.ask('booting.test')).addresses, [guest.address], jitsu.log);
    await libvirtd.pageOf(guest);
    assert.deepEqual(await libvirtd.qemuPids('booting'), pids);
  });

  for (const { name, mode, state } of [
    { name: 'paused', mode: 'suspend', state: 'paused' },
    { name: 'saved', mode: 'managedsave', state: 'off' },
  ]) {
    it(`after kill -9 brings back what was stopped by ${mode}, as it was`, async () => {
      const guest = await libvirtd.define(name);
      await using jitsu = guestJitsu(libvirtd, [{ ...guest, mode }]);
      await jitsu.start();
      await jitsu.ask(`${name}.test`);
      const { bootId } = await libvirtd.pageOf(guest);
      await jitsu.control.stop(name);
      await jitsu.end('SIGKILL');

      await jitsu.start();
      assert.equal((await jitsu.status(name)).state, state);
      assert.deepEqual((await jitsu.ask(`${name}.test`)).addresses, [guest.address], jitsu.log);
      assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
    });
  }

  it('by SIGTERM leaves its machines running, or stops them, as the configuration says, and exits with 0', async () => {
    const guest = await libvirtd.define('ended');
    await using keeping = guestJitsu(libvirtd, [guest], { stop: { onExit: 'keep' } });
    await keeping.start();
    await keeping.ask('ended.test');
    const { bootId } = await libvirtd.pageOf(guest);
    assert.equal(await keeping.end('SIGTERM'), 0);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);

    await using stopping = guestJitsu(libvirtd, [guest], { stop: { onExit: 'stop' } });
    await stopping.start();
    assert.equal((await stopping.status('ended')).state, 'running');
    assert.equal(await stopping.end('SIGTERM'), 0);
    assert.equal(await stateOf(guest), 'shut off (destroyed)');
    assert.deepEqual(await libvirtd.qemuPids('ended'), []);
  });
});
