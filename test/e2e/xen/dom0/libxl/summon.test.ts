import assert from 'node:assert/strict';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { Dom0 } from '../../../../support/xen/dom0.js';

describe('Jitsu on libxl', function () {
  this.timeout(180_000);
  let dom0: Dom0;

  before(async function () {
    dom0 = await Dom0.open(this);
  });
  afterEach(() => dom0.removeGuests());
  after(() => dom0[Symbol.asyncDispose]());

  for (const type of ['pv', 'pvh'] as const) {
    it(`boots a ${type} guest by a query, and answers when its service does`, async () => {
      const guest = dom0.guest(`www-${type}`, { type });
      const unikernel = {
        ...optionsOf(guest),
        dns: `${type}.test`,
        ip: guest.address,
        backend: 'libxl',
        ready: 'tcp:80',
      };
      await using jitsu = new RunningJitsu([unikernel], { backend: 'libxl', boot: { deadline: '2m' } });
      await jitsu.start();
      assert.deepEqual(await dom0.domains(), []);
      const asked = performance.now();
      const { rcode, addresses } = await jitsu.ask(`${type}.test`);
      console.log(`${type}: answered after ${Math.round(performance.now() - asked)} ms`);
      assert.deepEqual([rcode, addresses], ['NOERROR', [guest.address]], jitsu.log);
      const { uptime } = await dom0.pageOf(guest);
      assert.ok(uptime > 0);
      const again = performance.now();
      await jitsu.ask(`${type}.test`);
      assert.ok(performance.now() - again < 1_000, 'a guest that is ready is answered at once');
      assert.equal(await jitsu.end('SIGTERM'), 0);
      await dom0.untilGone(guest);
    });
  }
});
