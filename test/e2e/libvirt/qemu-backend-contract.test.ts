import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeBackend } from '@jitsud/core/testing';
import { SystemClock } from '#core/clock.js';
import { eventually } from '#core/testing/eventually.js';
import { LibvirtBackend } from '#libvirt/libvirt-backend.js';
import { libvirtOptions } from '#libvirt/libvirt-options.js';
import { startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { MemoryLogger } from '../../support/memory-logger.js';

/** On a machine that does other things as well. */
const PATIENCE = 30_000;

describe('with a libvirtd and QEMU', function () {
  let libvirtd: PrivateLibvirtd;
  const files = new Map<string, string>();

  before(async function () {
    this.timeout(120_000);
    libvirtd = await startedLibvirtd(this);
    for (const name of ['alpha', 'beta']) files.set(name, (await libvirtd.guest(name)).xmlFile);
    const deaf = join(libvirtd.folder, 'deaf.xml');
    await writeFile(deaf, libvirtd.xmlOf('alpha', { deaf: true }));
    files.set('deaf', deaf);
    const broken = join(libvirtd.folder, 'broken.xml');
    await writeFile(
      broken,
      libvirtd.xmlOf('alpha').replace(/<kernel>.*<\/kernel>/, '<kernel>/no/such/kernel</kernel>'),
    );
    files.set('broken', broken);
  });
  after(() => libvirtd?.[Symbol.asyncDispose]());

  describeBackend('the libvirt backend', {
    schema: libvirtOptions,
    stopModes: { destroy: 'off', shutdown: 'off', suspend: 'paused', managedsave: 'off' },
    watches: true,
    patience: PATIENCE,
    refused: [
      {
        because: 'a definition that libvirt does not take',
        options: { name: 'alpha', xml: new URL(import.meta.url).pathname },
        problems: [/is not a domain XML/],
      },
    ],
    tearDown: async () => {
      for (const name of (await libvirtd.virsh('list', '--all', '--name')).split('\n').filter(Boolean)) {
        await libvirtd.virsh('destroy', name).catch(() => undefined);
        await libvirtd.virsh('undefine', '--managed-save', name);
      }
    },
    connection: () => new LibvirtBackend({ connect: libvirtd.uri }, new MemoryLogger(), new SystemClock()),
    machine: (name) => ({ name, xml: files.get(name) }),
    stubborn: (name) => ({ name, xml: files.get('deaf') }),
    broken: (name) => ({ name, xml: files.get('broken') }),
    booted: (name) => eventually(async () => assert.match(await libvirtd.console(name), /serving at/), PATIENCE),
    count: async (name) => (await libvirtd.qemuPids(name)).length,
    kill: async (name) => {
      for (const pid of await libvirtd.qemuPids(name)) process.kill(pid, 'SIGKILL');
    },
    pause: async (name) => {
      await libvirtd.virsh('suspend', name);
    },
    lose: () => libvirtd.kill(),
    restore: () => libvirtd.start(),
  });
});
