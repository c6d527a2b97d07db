import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';

const PATIENCE = 60_000;

describe('a name with a virtual machine of libvirt behind it', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd[Symbol.asyncDispose]());

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);
  const eventuallyIn = (guest: DefinedGuest, state: string): Promise<void> =>
    eventually(async () => assert.equal(await stateOf(guest), state), PATIENCE);

  it('leads to a web server that answers at the first try, and is off again when nobody asks', async () => {
    const guest = await libvirtd.define('fleeting');
    await using jitsu = guestJitsu(libvirtd, [guest], { dns: { ttl: 1 } });
    await jitsu.start();

    const { addresses, rcode } = await jitsu.ask('fleeting.test');
    assert.deepEqual({ addresses, rcode }, { addresses: [guest.address], rcode: 'NOERROR' }, jitsu.log);
    const first = await libvirtd.pageOf(guest);
    const { id, state, macs, domainId, totalStarts } = await jitsu.status('fleeting');
    assert.deepEqual(
      { id, state, macs, totalStarts },
      { id: guest.uuid, state: 'running', macs: [guest.mac], totalStarts: 1 },
    );
    assert.equal(String(domainId), await libvirtd.virsh('domid', 'fleeting'));
    assert.equal((await libvirtd.qemuPids('fleeting')).length, 1);

    await eventuallyIn(guest, 'shut off (destroyed)');
    assert.deepEqual(await libvirtd.qemuPids('fleeting'), []);

    await jitsu.ask('fleeting.test');
    assert.notEqual((await libvirtd.pageOf(guest)).bootId, first.bootId, 'another boot');
  });

  it('is answered to dig as well, which is all that a client needs', async () => {
    const guest = await libvirtd.define('dug');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const words = ['@127.0.0.1', '-p', String(jitsu.port), '+short', '+tries=1', '+timeout=60', 'dug.test'];
    assert.equal((await libvirtd.namespace.run('dig', ...words)).trim(), guest.address);
    await libvirtd.pageOf(guest);
  });

  for (const { mode, options, state, keeps } of [
    { mode: 'destroy', options: {}, state: 'shut off (destroyed)', keeps: false },
    { mode: 'shutdown', options: {}, state: 'shut off (shutdown)', keeps: false },
    { mode: 'shutdown', options: { deaf: true }, state: 'shut off (destroyed)', keeps: false },
    { mode: 'suspend', options: {}, state: 'paused (user)', keeps: true },
    { mode: 'managedsave', options: {}, state: 'shut off (saved)', keeps: true },
  ]) {
    const who = options.deaf === true ? 'deaf' : mode;
    it(`is stopped by ${mode}${options.deaf ? ', which its guest ignores,' : ''} and ${keeps ? 'goes on where it was' : 'boots anew'} when asked for`, async () => {
      const guest = await libvirtd.define(who, options);
      await using jitsu = guestJitsu(libvirtd, [{ ...guest, mode, grace: 2 }]);
      await jitsu.start();
      await jitsu.ask(`${who}.test`);
      const before = await libvirtd.pageOf(guest);
      await jitsu.control.stop(who);
      assert.equal(await stateOf(guest), state);
      const { addresses } = await jitsu.ask(`${who}.test`);
      assert.deepEqual(addresses, [guest.address], jitsu.log);
      const after = await libvirtd.pageOf(guest);
      assert.equal(after.bootId === before.bootId, keeps);
      if (keeps) assert.ok(after.uptime >= before.uptime, `${after.uptime} s after ${before.uptime} s`);
    });
  }

  it('has the same virtual machine behind it after kill -9, which is stopped in time', async () => {
    const guest = await libvirtd.define('adopted');
    await using jitsu = guestJitsu(libvirtd, [guest], { dns: { ttl: 2 } });
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
    await eventuallyIn(guest, 'shut off (destroyed)');
  });

  it('may belong to one libvirt while another name belongs to another', async () => {
    const guest = await libvirtd.define('near');
    const far = { name: 'test', backend: 'far', dns: 'far.test', ip: '192.0.2.7', mode: 'shutdown' };
    await using jitsu = guestJitsu(libvirtd, [guest, far], {
      backends: { libvirt: { connect: libvirtd.uri }, far: { use: 'libvirt', connect: 'test:///default' } },
    });
    await jitsu.start();
    assert.deepEqual((await jitsu.ask('far.test')).addresses, ['192.0.2.7']);
    assert.deepEqual((await jitsu.ask('near.test')).addresses, [guest.address]);
    await jitsu.control.stop('test');
    const states = (await jitsu.report()).unikernels.map(({ backend, name, state }) => `${backend} ${name} ${state}`);
    assert.deepEqual(states, ['libvirt near running', 'far test off']);
    await libvirtd.pageOf(guest);
  });
});
