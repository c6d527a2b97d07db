import assert from 'node:assert/strict';
import type { PowerState } from '#core/contracts/machine.js';
import { eventually } from '#core/testing/eventually.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import type { RunningJitsu } from '../../support/running-jitsu.js';

describe('a virtual machine that somebody else steers as well', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  const eventuallyIn = (jitsu: RunningJitsu, name: string, state: PowerState): Promise<void> =>
    eventually(async () => assert.equal((await jitsu.status(name)).state, state, jitsu.log), 60_000);
  const story = async (jitsu: RunningJitsu, unikernel: string): Promise<readonly string[]> =>
    (await jitsu.control.history({ unikernel })).map(({ kind }) => kind);

  it('is counted and adopted when they start it, and stopped in time', async () => {
    await libvirtd.define('started');
    await using jitsu = guestJitsu(libvirtd, [{ name: 'started', dns: 'started.test', ip: '192.0.2.1', ttl: 1 }]);
    await jitsu.start();
    await libvirtd.virsh('start', 'started');
    await eventually(async () => assert.equal((await jitsu.status('started')).totalStarts, 1));
    await eventuallyIn(jitsu, 'started', 'off');
    await eventually(async () =>
      assert.deepEqual([...(await story(jitsu, 'started'))].sort(), ['adopted', 'stopped', 'stopping']),
    );
    assert.equal(await libvirtd.virsh('domstate', 'started'), 'shut off');
  });

  it('is down at once when they destroy it, and booted by the next question', async () => {
    const guest = await libvirtd.define('destroyed');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    await jitsu.ask('destroyed.test');
    const { bootId } = await libvirtd.pageOf(guest);
    await libvirtd.virsh('destroy', 'destroyed');
    await eventuallyIn(jitsu, 'destroyed', 'off');
    assert.ok((await story(jitsu, 'destroyed')).includes('died'));
    await jitsu.ask('destroyed.test');
    assert.notEqual((await libvirtd.pageOf(guest)).bootId, bootId);
    assert.equal((await jitsu.status('destroyed')).totalStarts, 2);
  });

  it('is down at once when its process is killed, with the reason', async () => {
    const guest = await libvirtd.define('killed');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    await jitsu.ask('killed.test');
    for (const pid of await libvirtd.qemuPids('killed')) process.kill(pid, 'SIGKILL');
    await eventuallyIn(jitsu, 'killed', 'off');
    const died = (await jitsu.control.history({ unikernel: 'killed' })).find(({ kind }) => kind === 'died');
    assert.match(died?.reason ?? '', /crashed/);
  });

  it('is resumed by the next question when they have paused it', async () => {
    const guest = await libvirtd.define('paused');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    await jitsu.ask('paused.test');
    const { bootId } = await libvirtd.pageOf(guest);
    await libvirtd.virsh('suspend', 'paused');
    await eventuallyIn(jitsu, 'paused', 'paused');
    assert.deepEqual((await jitsu.ask('paused.test')).addresses, [guest.address]);
    assert.equal((await libvirtd.pageOf(guest)).bootId, bootId);
  });

  it('whose guest crashes at boot is answered with SERVFAIL and the reason', async () => {
    const guest = await libvirtd.define('crashing', { crash: true });
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const { rcode, extendedErrors } = await jitsu.ask('crashing.test');
    assert.equal(rcode, 'SERVFAIL');
    assert.match(extendedErrors.join(), /went off before its service answered: it crashed/);
  });

  // A guest that crashes is seen paused, too, by who looks at the right moment.
  it('is answered with SERVFAIL and the reason, at once, when they pause and destroy it at boot', async () => {
    const guest = await libvirtd.define('interrupted', { slow: 90 });
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const asked = jitsu.ask('interrupted.test');
    await eventuallyIn(jitsu, 'interrupted', 'running');
    await libvirtd.virsh('suspend', 'interrupted');
    await eventuallyIn(jitsu, 'interrupted', 'paused');
    await libvirtd.virsh('destroy', 'interrupted');
    const { rcode, extendedErrors } = await asked;
    assert.equal(rcode, 'SERVFAIL');
    assert.match(extendedErrors.join(), /went off before its service answered: it was destroyed/);
  });

  it('is missed by name when they have undefined it, and summoned again when it is back', async () => {
    const guest = await libvirtd.define('undefined');
    await using jitsu = guestJitsu(libvirtd, [guest], { boot: { deadline: 90, delay: 0, firstBackOff: 0.1 } });
    await jitsu.start();
    await libvirtd.virsh('undefine', 'undefined');
    const { rcode, extendedErrors } = await jitsu.ask('undefined.test');
    assert.equal(rcode, 'SERVFAIL');
    assert.match(extendedErrors.join(), /^undefined cannot be started: /);
    const { failure } = await jitsu.status('undefined');
    assert.equal(failure?.code, 'JITSU_UNIKERNEL_UNKNOWN');
    assert.match(failure.reason, /VIR_ERR_NO_DOMAIN.*virsh define/);
    await libvirtd.virsh('define', guest.xmlFile);
    await eventually(
      async () => assert.deepEqual((await jitsu.ask('undefined.test')).addresses, [guest.address]),
      30_000,
    );
  });

  it('runs on when they undefine it, and is gone when it is stopped', async () => {
    const guest = await libvirtd.define('transient');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    await jitsu.ask('transient.test');
    await libvirtd.virsh('undefine', 'transient');
    assert.deepEqual((await jitsu.ask('transient.test')).addresses, [guest.address]);
    assert.equal((await jitsu.status('transient')).state, 'running');
    await jitsu.control.stop('transient');
    assert.match((await jitsu.ask('transient.test')).extendedErrors.join(), /^transient cannot be started: /);
  });

  it('can be looked at, not started, through a connection that may only read', async () => {
    const guest = await libvirtd.define('readonly');
    await using jitsu = guestJitsu(libvirtd, [guest], { backends: { libvirt: { connect: libvirtd.readOnlyUri } } });
    await jitsu.start();
    assert.equal((await jitsu.status('readonly')).state, 'off');
    const { rcode, extendedErrors } = await jitsu.ask('readonly.test');
    assert.equal(rcode, 'SERVFAIL');
    assert.match(extendedErrors.join(), /^readonly cannot be started: /);
    const { failure } = await jitsu.status('readonly');
    assert.equal(failure?.code, 'JITSU_BACKEND_DENIED');
    assert.match(failure.reason, /read only access.* may read and write/);
  });
});
