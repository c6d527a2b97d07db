import assert from 'node:assert/strict';
import type { PowerState } from '#core/contracts/machine.js';
import { eventually } from '#core/testing/eventually.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import type { RunningJitsu } from '../../support/running-jitsu.js';

const PATIENCE = 60_000;

describe('a libvirtd that goes away', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());
  afterEach('leave a libvirtd that answers', async () => {
    const answer = await libvirtd.virsh('version').catch(() => undefined);
    if (answer === undefined) await libvirtd.start();
  });

  const eventuallyIn = (jitsu: RunningJitsu, name: string, state: PowerState): Promise<void> =>
    eventually(async () => assert.equal((await jitsu.status(name)).state, state, jitsu.log), PATIENCE);
  const failsAtOnce = async (jitsu: RunningJitsu, name: string): Promise<void> => {
    const { rcode, extendedErrors } = await jitsu.ask(name);
    assert.equal(rcode, 'SERVFAIL');
    assert.match(extendedErrors.join(), /^libvirt at qemu\+unix.* does not answer: /);
  };

  it('when it is killed leaves its machines running, unknown until it is back, and the same after that', async () => {
    const guest = await libvirtd.define('survivor');
    const idle = await libvirtd.define('idle');
    await using jitsu = guestJitsu(libvirtd, [guest, idle]);
    await jitsu.start();
    await jitsu.ask('survivor.test');
    const { bootId } = await libvirtd.pageOf(guest);
    const pids = await libvirtd.qemuPids('survivor');

    await libvirtd.kill();
    await eventuallyIn(jitsu, 'survivor', 'unknown');
    await failsAtOnce(jitsu, 'survivor.test');
    await failsAtOnce(jitsu, 'idle.test');
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId, 'it runs on');

    await libvirtd.start();
    await eventuallyIn(jitsu, 'survivor', 'running');
    await eventuallyIn(jitsu, 'idle', 'off');
    assert.deepEqual((await jitsu.ask('survivor.test')).addresses, [guest.address]);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
    assert.deepEqual(await libvirtd.qemuPids('survivor'), pids);
    assert.equal((await jitsu.status('survivor')).totalStarts, 1);

    await libvirtd.virsh('destroy', 'survivor');
    await eventuallyIn(jitsu, 'survivor', 'off');
  });

  it('when it is killed during a boot lets nobody wait for that, and the machine is found afterwards', async () => {
    const guest = await libvirtd.define('booting', { slow: 4 });
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const answer = jitsu.ask('booting.test');
    await eventuallyIn(jitsu, 'booting', 'running');
    await libvirtd.kill();
    assert.equal((await answer).rcode, 'SERVFAIL');
    assert.equal((await libvirtd.qemuPids('booting')).length, 1);

    await libvirtd.start();
    await eventuallyIn(jitsu, 'booting', 'running');
    assert.deepEqual((await jitsu.ask('booting.test')).addresses, [guest.address], jitsu.log);
    await libvirtd.pageOf(guest);
    assert.equal((await jitsu.status('booting')).totalStarts, 1);
  });

  it('when it is killed before it has obeyed lets nobody wait for that either', async () => {
    const guest = await libvirtd.define('unheard');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    libvirtd.freeze();
    const answer = jitsu.ask('unheard.test');
    await eventually(async () => assert.equal((await jitsu.status('unheard')).names[0]?.requests, 1));
    await libvirtd.kill();
    assert.equal((await answer).rcode, 'SERVFAIL');

    await libvirtd.start();
    await eventuallyIn(jitsu, 'unheard', 'off');
    await eventually(
      async () => assert.deepEqual((await jitsu.ask('unheard.test')).addresses, [guest.address]),
      PATIENCE,
    );
    assert.equal((await libvirtd.qemuPids('unheard')).length, 1);
  });

  it('when it is frozen is noticed, and found again when it goes on', async () => {
    const guest = await libvirtd.define('patient');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    await jitsu.ask('patient.test');
    const { bootId } = await libvirtd.pageOf(guest);
    libvirtd.freeze();
    try {
      assert.deepEqual(
        (await jitsu.ask('patient.test')).addresses,
        [guest.address],
        'nothing is known to be wrong yet',
      );
      await eventuallyIn(jitsu, 'patient', 'unknown');
      await failsAtOnce(jitsu, 'patient.test');
    } finally {
      libvirtd.thaw();
    }
    await eventuallyIn(jitsu, 'patient', 'running');
    assert.deepEqual((await jitsu.ask('patient.test')).addresses, [guest.address]);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
  });

  it('takes nothing but its own machines along', async () => {
    const guest = await libvirtd.define('near');
    const far = { name: 'test', backend: 'far', dns: 'far.test', ip: '192.0.2.7' };
    await using jitsu = guestJitsu(libvirtd, [guest, far], {
      backends: { libvirt: { connect: libvirtd.uri }, far: { use: 'libvirt', connect: 'test:///default' } },
    });
    await jitsu.start();
    await libvirtd.kill();
    await eventuallyIn(jitsu, 'near', 'unknown');
    await jitsu.control.stop('test');
    assert.deepEqual((await jitsu.ask('far.test')).addresses, ['192.0.2.7']);
    assert.equal((await jitsu.status('test')).state, 'running');
    await libvirtd.start();
    await eventuallyIn(jitsu, 'near', 'off');
  });
});
