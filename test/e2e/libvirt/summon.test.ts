import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import { requireTool } from '../../support/require-tool.js';

const PATIENCE = 60_000;

describe('a name with a virtual machine of libvirt behind it', function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);
  const eventuallyIn = (guest: DefinedGuest, state: string): Promise<void> =>
    eventually(async () => assert.equal(await stateOf(guest), state), PATIENCE);

  it('leads to a web server that answers at the first try, and is off again when nobody asks', async () => {
    const guest = await libvirtd.define('fleeting');
    await using jitsu = guestJitsu(libvirtd, [guest], { dns: { ttl: 4 } });
    await jitsu.start();

    const { addresses, rcode } = await jitsu.ask('fleeting.test');
    assert.deepEqual({ addresses, rcode }, { addresses: [guest.address], rcode: 'NOERROR' }, jitsu.log);
    const [first, status, libvirtsId, pids] = await Promise.all([
      libvirtd.pageOf(guest),
      jitsu.status('fleeting'),
      libvirtd.virsh('domid', 'fleeting'),
      libvirtd.qemuPids('fleeting'),
    ]);
    const { id, state, macs, domainId, totalStarts } = status;
    assert.deepEqual(
      { id, state, macs, totalStarts },
      { id: guest.uuid, state: 'running', macs: [guest.mac], totalStarts: 1 },
    );
    assert.equal(String(domainId), libvirtsId);
    assert.equal(pids.length, 1);

    await eventuallyIn(guest, 'shut off (destroyed)');
    assert.deepEqual(await libvirtd.qemuPids('fleeting'), []);

    await jitsu.ask('fleeting.test');
    assert.notEqual((await libvirtd.pageOf(guest)).bootId, first.bootId, 'another boot');
  });

  it('is answered to dig as well, which is all that a client needs', async function () {
    const dig = requireTool(this, 'dig');
    const guest = await libvirtd.define('dug');
    await using jitsu = guestJitsu(libvirtd, [guest]);
    await jitsu.start();
    const words = ['@127.0.0.1', '-p', String(jitsu.port), '+short', '+tries=1', '+timeout=60', 'dug.test'];
    assert.equal((await libvirtd.namespace.run(dig, ...words)).trim(), guest.address);
    await libvirtd.pageOf(guest);
  });

  it('has its machine booted once for all who ask at once, beside the machine of another name', async () => {
    const names = ['left', 'right'];
    const guests = [await libvirtd.define('left'), await libvirtd.define('right')];
    await using jitsu = guestJitsu(libvirtd, guests);
    await jitsu.start();
    const asked = [...names, ...names, ...names];
    const replies = await Promise.all(asked.map((name) => jitsu.ask(`${name}.test`)));
    assert.deepEqual(
      replies.map(({ addresses }) => addresses.join()),
      [...guests, ...guests, ...guests].map(({ address }) => address),
      jitsu.log,
    );
    const pages = await Promise.all(guests.map((guest) => libvirtd.pageOf(guest)));
    assert.notEqual(pages[0]?.bootId, pages[1]?.bootId);
    const { unikernels } = await jitsu.report();
    assert.deepEqual(
      unikernels.map(({ name, totalStarts, names: [dns] }) => ({ name, totalStarts, requests: dns?.requests })),
      names.map((name) => ({ name, totalStarts: 1, requests: 3 })),
    );
    for (const name of names) assert.equal((await libvirtd.qemuPids(name)).length, 1);
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
