import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { XenGuest } from '../../../../support/xen/xen-guest.js';

const PROGRAM = '#!/bin/busybox sh\necho "hello from $0"\n';

describe('the machine of the tests', function () {
  this.timeout(180_000);
  let dom0: Dom0;
  let guest: XenGuest;

  before(async function () {
    dom0 = await Dom0.open(this);
    guest = dom0.guest('guest', {
      readKey: 'data/word',
      writeKey: 'data/ready',
      files: [{ path: 'bin/hello', content: PROGRAM, isExecutable: true }],
      program: '/bin/hello',
      modules: ['xen-evtchn', 'xen-gntalloc'],
    });
  });

  after(async () => {
    await dom0[Symbol.asyncDispose]();
    assert.deepEqual(await dom0.domains(), []);
  });

  it('is a dom0 of Xen', async () => {
    assert.match(await readFile('/proc/xen/capabilities', 'utf8'), /control_d/);
    assert.equal((await readFile('/sys/hypervisor/type', 'utf8')).trim(), 'xen');
    const info = await dom0.xl('info');
    assert.match(info, /^xen_major +: 4$/m);
    assert.match(info, /^virt_caps +:.*\bpv\b.*\bhvm\b/m);
    assert.deepEqual(await dom0.domains(), []);
  });

  it('has a guest that reads a key before all else', async () => {
    const id = await dom0.create(guest, '-p');
    await dom0.run('xenstore-write', `/local/domain/${id}/data/word`, 'there already');
    await dom0.xl('unpause', guest.name);
    await dom0.untilConsole(guest, /^data\/word is there already$/m);
  });

  it('has a guest that serves on the bridge, by paravirtualisation', async () => {
    const page = await dom0.untilServing(guest);
    const [domain] = await dom0.domains();
    assert.equal(domain?.name, guest.name);
    assert.match(page.bootId, /^[\da-f-]{36}$/);
    assert.equal(await dom0.readKey(`/local/domain/${domain.id}/device/vif/0/mac`), guest.mac);
  });

  it('has a guest that writes a key when it serves', async () => {
    const [domain] = await dom0.domains();
    const key = `/local/domain/${domain!.id}/data/ready`;
    const uptime = await dom0.until(
      () => dom0.readKey(key),
      () => dom0.console(guest.name),
    );
    assert.match(uptime, /^\d+\.\d+$/);
  });

  it('has a guest with files and modules that a suite brings', async () => {
    const text = await dom0.untilConsole(guest, /^hello from \/bin\/hello$/m);
    assert.doesNotMatch(text, /insmod/);
  });

  it('has guests that are at their prompt within a moment', async () => {
    for (const type of ['pv', 'pvh'] as const) {
      const prompt = dom0.guest(`prompt-${type}`, { type, kernel: 'grub' });
      const start = Date.now();
      await dom0.create(prompt);
      await dom0.untilConsole(prompt, /grub> /);
      console.log(`${type} with GRUB: at its prompt ${Date.now() - start} ms after all`);
    }
  });
});
