import assert from 'node:assert/strict';
import { eventually } from '#core/testing/eventually.js';
import { GuestClients } from '../../support/libvirt/guest-clients.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { DefinedGuest, PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';

/** Packets are counted over a minute, which begins when a stop is considered for the first time. */
const PATIENCE = 150_000;

/** Packets a minute: more than the requests for other addresses that a guest hears here, and fewer than its pages take. */
const THRESHOLD = 150;

const NOBODY = '10.77.0.250';

describe("the packets of libvirt's counters", function () {
  this.timeout(240_000);
  let libvirtd: PrivateLibvirtd;
  let clients: GuestClients;

  before(async function () {
    libvirtd = await startedLibvirtd(this);
    clients = await GuestClients.connect(this, libvirtd);
  });
  after(async () => {
    await clients?.[Symbol.asyncDispose]();
    await libvirtd?.[Symbol.asyncDispose]();
  });

  const stateOf = ({ name }: DefinedGuest): Promise<string> => libvirtd.virsh('domstate', '--reason', name);

  it('keep a guest with as many as are configured, while one that hears no more than noise is stopped', async () => {
    const [busy, quiet] = [await libvirtd.define('busy'), await libvirtd.define('quiet')];
    await using jitsu = guestJitsu(libvirtd, [busy, quiet], {
      dns: { ttl: 1 },
      backends: { libvirt: { connect: libvirtd.uri, trafficThreshold: THRESHOLD } },
      stop: { policies: ['connections', 'traffic', 'ttl'] },
    });
    await jitsu.start();
    await Promise.all([jitsu.ask('busy.test'), jitsu.ask('quiet.test')]);
    const client = clients.at('bridge');
    const traffic = setInterval(() => {
      void client.tcp(busy.address, { page: true });
      // The kernel asks all of the bridge for somebody who is not there.
      void client.tcp(NOBODY, { limit: 900 });
    }, 1_000);
    try {
      await eventually(async () => assert.equal(await stateOf(quiet), 'shut off (destroyed)', jitsu.log), PATIENCE);
      await eventually(async () => {
        const { keptBy } = await jitsu.status('busy');
        assert.match(String(keptBy), /^\d{3,} packets a minute$/);
      }, PATIENCE);
      assert.equal(await stateOf(busy), 'running (booted)', jitsu.log);
    } finally {
      clearInterval(traffic);
    }
    assert.equal((await client.tcp(busy.address, { page: true })).error, undefined);
  });
});
