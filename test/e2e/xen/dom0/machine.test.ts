import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Dom0 } from '../../../support/xen/dom0.js';

describe('the machine of the tests', function () {
  this.timeout(120_000);
  let dom0: Dom0;

  before(async function () {
    dom0 = await Dom0.open(this);
  });

  afterEach(async () => {
    await dom0.removeGuests();
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

  for (const type of ['pv', 'pvh'] as const) {
    it(`boots a guest of type ${type}, which serves on the bridge`, async () => {
      const guest = dom0.guest(`serving-${type}`, { type });
      const start = Date.now();
      const id = await dom0.create(guest);
      const created = Date.now();
      const page = await dom0.untilServing(guest);
      console.log(`${type}: created in ${created - start} ms, served ${Date.now() - created} ms later`, page);
      assert.ok(page.uptime > 0 && page.uptime < 120, String(page.uptime));
      const [domain] = await dom0.domains();
      assert.deepEqual([domain?.name, domain?.id], [guest.name, id]);
      assert.match(await dom0.console(guest.name), /^serving at /m);
      assert.equal(await dom0.readKey(`/local/domain/${id}/device/vif/0/mac`), guest.mac);
    });
  }

  it('has a guest that writes a key when it serves', async () => {
    const id = await dom0.create(dom0.guest('writer', { writeKey: 'data/ready' }));
    const key = `/local/domain/${id}/data/ready`;
    const uptime = await dom0.until(
      () => dom0.readKey(key),
      () => dom0.console('writer'),
    );
    assert.match(uptime, /^\d+\.\d+$/);
  });

  it('has a guest that reads a key before all else', async () => {
    const guest = dom0.guest('reader', { readKey: 'data/word' });
    const id = await dom0.create(guest, '-p');
    await dom0.run('xenstore-write', `/local/domain/${id}/data/word`, 'there already');
    await dom0.xl('unpause', guest.name);
    await dom0.untilServing(guest);
    assert.match(await dom0.console(guest.name), /^data\/word is there already$/m);
  });

  it('has a guest that crashes', async () => {
    const guest = dom0.guest('crashing', { crash: true });
    const id = await dom0.create(guest);
    await dom0.until(
      async () => ((await dom0.domains()).find((domain) => domain.id === id)?.state === '---sc-' ? true : undefined),
      () => dom0.console(guest.name),
    );
    assert.match(await dom0.console(guest.name), /Kernel panic/);
  });

  it('has a guest that hears when it is asked to shut down, and one that is deaf', async () => {
    const guest = dom0.guest('hearing');
    const deaf = dom0.guest('deaf', { deaf: true });
    await dom0.create(guest);
    await dom0.create(deaf);
    await dom0.untilServing(guest);
    await dom0.untilServing(deaf);
    await dom0.xl('shutdown', deaf.name);
    await dom0.xl('shutdown', '-w', guest.name);
    await dom0.pageOf(deaf);
    await dom0.untilGone(guest);
    assert.deepEqual(
      (await dom0.domains()).map(({ name }) => name),
      [deaf.name],
    );
  });

  it('has guests with files and modules that a suite brings', async () => {
    const files = [{ path: 'bin/hello', content: '#!/bin/busybox sh\necho "hello from $0"\n', isExecutable: true }];
    const guest = dom0.guest('greeting', { files, program: '/bin/hello', modules: ['xen-evtchn', 'xen-gntalloc'] });
    await dom0.create(guest);
    const text = await dom0.untilConsole(guest, /^hello from \/bin\/hello$/m);
    assert.doesNotMatch(text, /insmod/);
  });

  it('has guests that are at their prompt within a moment', async () => {
    for (const type of ['pv', 'pvh'] as const) {
      const guest = dom0.guest(`prompt-${type}`, { type, kernel: 'grub' });
      await dom0.create(guest);
      await dom0.untilConsole(guest, /grub> /);
    }
  });
});
