import assert from 'node:assert/strict';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { XenGuest } from '../../../../support/xen/xen-guest.js';

describe('Jitsu on libxl', function () {
  this.timeout(180_000);
  let dom0: Dom0;
  let jitsu: RunningJitsu;
  const guestOf = (type: 'pv' | 'pvh'): XenGuest => dom0.guest(`www-${type}`, { type });

  before(async function () {
    dom0 = await Dom0.open(this);
    const unikernels = (['pv', 'pvh'] as const).map((type) => ({
      ...optionsOf(guestOf(type)),
      ...{ dns: `${type}.test`, ip: guestOf(type).address, backend: 'libxl', ready: 'tcp:80' },
    }));
    jitsu = new RunningJitsu(unikernels, { backend: 'libxl', boot: { deadline: '2m' } });
    await jitsu.start();
  });

  after(async () => {
    await jitsu[Symbol.asyncDispose]();
    await dom0[Symbol.asyncDispose]();
  });

  for (const type of ['pv', 'pvh'] as const) {
    it(`boots a ${type} guest by a query, and answers when its service does`, async () => {
      const guest = guestOf(type);
      assert.ok(!(await dom0.domains()).some(({ name }) => name === guest.name));
      const asked = performance.now();
      const { rcode, addresses } = await jitsu.ask(`${type}.test`);
      console.log(`${type}: answered after ${Math.round(performance.now() - asked)} ms`);
      assert.deepEqual([rcode, addresses], ['NOERROR', [guest.address]], jitsu.log);
      const { uptime } = await dom0.pageOf(guest);
      assert.ok(uptime > 0);
      const { totalStarts } = await jitsu.status(guest.name);
      await jitsu.ask(`${type}.test`);
      assert.equal((await jitsu.status(guest.name)).totalStarts, totalStarts);
    });
  }

  it('leaves none of them behind when it ends', async () => {
    assert.equal(await jitsu.end('SIGTERM'), 0);
    await dom0.untilGone(...(['pv', 'pvh'] as const).map(guestOf));
  });
});
