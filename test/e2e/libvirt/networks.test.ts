import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '#core/testing/eventually.js';
import { GuestClients } from '../../support/libvirt/guest-clients.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { requireTool } from '../../support/require-tool.js';

/** A first packet that was lost comes again after a second. */
const RETRANSMITTED = 900;

const NETWORKS = [
  { mode: 'nat', bridge: 'virbr8', network: '10.88.0' },
  { mode: 'route', bridge: 'virbr9', network: '10.89.0' },
] as const;

describe("a network of libvirt's own, with its rules,", function () {
  this.timeout(120_000);
  let libvirtd: PrivateLibvirtd;
  let clients: GuestClients;

  before(async function () {
    requireTool(this, 'iptables');
    requireTool(this, 'dnsmasq');
    libvirtd = await startedLibvirtd(this);
    clients = await GuestClients.connect(this, libvirtd);
  });
  after(async () => {
    await clients?.[Symbol.asyncDispose]();
    await libvirtd?.[Symbol.asyncDispose]();
  });

  for (const link of NETWORKS) {
    const { mode, bridge, network } = link;
    const who = mode === 'nat' ? 'from the host, and for nobody from beyond it' : 'from beyond the host';

    it(`by ${mode} has its guests booted by a connection ${who}`, async () => {
      const file = join(libvirtd.folder, `${mode}.network.xml`);
      await writeFile(
        file,
        `<network><name>${mode}</name><forward mode='${mode}'/><bridge name='${bridge}'/>` +
          `<ip address='${network}.1' netmask='255.255.255.0'/></network>`,
      );
      await libvirtd.virsh('net-create', file);
      assert.match(await libvirtd.namespace.run('iptables-save'), new RegExp(`-A LIBVIRT_FWI .*-o ${bridge}`));
      const guest = await libvirtd.define(`in-${mode}`, { gateway: `${network}.1` }, link);
      await using jitsu = guestJitsu(libvirtd, [guest], { doormen: { netfilter: { bridges: [bridge] } } });
      await jitsu.start();
      await eventually(async () => assert.equal((await jitsu.status(guest.name)).armed, true, jitsu.log));
      if (mode === 'nat') {
        const { error } = await clients.at('routed').tcp(guest.address, { page: true, limit: 2_000 });
        assert.equal(error, 'ECONNREFUSED', 'by the rules of libvirt');
        assert.equal((await jitsu.status(guest.name)).phase, 'down');
      }
      const client = clients.at(mode === 'nat' ? 'host' : 'routed');
      const { error } = await client.tcp(guest.address, { page: true, limit: 60_000 });
      const opened = Date.now();
      assert.equal(error, undefined, jitsu.log);
      const events = await jitsu.control.history({ unikernel: guest.name });
      const ready = events.find(({ kind }) => kind === 'ready');
      assert.ok(ready && opened - ready.at < RETRANSMITTED, `${opened - (ready?.at ?? 0)} ms`);
      assert.equal(events.find(({ kind }) => kind === 'summoning')?.cause?.kind, 'knock');
    });
  }
});
