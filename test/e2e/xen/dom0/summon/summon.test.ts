import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Receiver } from '#synjitsu-vchan/receiver.js';
import { cannotRun } from '../../../../support/cannot-run.js';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { TemporaryFolder } from '../../../../support/temporary-folder.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import type { XenGuest } from '../../../../support/xen/xen-guest.js';

const PID_FILE = '/run/xen/xenstored.pid';
const NEVER_STARTED = 'waiting';
const RUMPRUN = 'rumprun';
const RUMPRUN_CONFIG = '{"cmdline": "nginx"}';
const DOMAIN_0 = '00000000-0000-0000-0000-000000000000';
/** In seconds: twice as long after the last query a guest is stopped. */
const TTL = 3;

/** The last suite of a machine: without a reboot Xen does not get over the death of xenstored. */
describe('Jitsu on libxl', function () {
  this.timeout(180_000);
  let dom0: Dom0;
  let folder: TemporaryFolder;
  let jitsu: RunningJitsu;
  let isXenDead = false;
  const guestOf = (type: 'pv' | 'pvh'): XenGuest => dom0.guest(`www-${type}`, { type });

  before(async function () {
    dom0 = await Dom0.open(this);
    const unikernels: object[] = (['pv', 'pvh'] as const).map((type) => ({
      ...optionsOf(guestOf(type)),
      ...{ dns: `${type}.test`, ip: guestOf(type).address, backend: 'libxl', ready: 'tcp:80' },
    }));
    const rumprun = dom0.guest(RUMPRUN, { readKey: 'rumprun/cfg', writeKey: 'data/ready' });
    folder = new TemporaryFolder();
    writeFileSync(folder.in('rumprun.json'), `${RUMPRUN_CONFIG}\n`);
    unikernels.push({
      ...optionsOf(rumprun),
      ...{ dns: `${RUMPRUN}.test`, ip: rumprun.address, backend: 'libxl' },
      ...{ rumprunConfig: folder.in('rumprun.json'), waitForKey: 'data/ready:2m' },
    });
    const waiting = dom0.guest(NEVER_STARTED, { kernel: 'idle' });
    unikernels.push({ ...optionsOf(waiting), dns: `${NEVER_STARTED}.test`, ip: waiting.address });
    const settings = {
      ...{ backend: 'libxl', dns: { ttl: TTL }, boot: { deadline: '2m' } },
      notifiers: { synjitsu: { uuid: DOMAIN_0 } },
    };
    jitsu = new RunningJitsu(unikernels, settings);
    await jitsu.start();
  });

  after(async () => {
    await jitsu[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
    // Xen's own programs would wait for xenstored for ever.
    if (!isXenDead) await dom0[Symbol.asyncDispose]();
  });

  for (const type of ['pvh', 'pv'] as const) {
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

  it('hands rumprun its configuration, waits for its key and tells Synjitsu', async () => {
    const guest = dom0.guest(RUMPRUN);
    const heard: string[] = [];
    await using _receiver = new Receiver({
      ...{ domain: 0, port: 'synjitsu' },
      onRecord: (bytes) => heard.push(Buffer.from(bytes).toString('hex')),
    });
    await dom0.until(
      async () => (jitsu.log.includes('Synjitsu is connected') ? true : undefined),
      () => jitsu.log,
    );
    const { addresses } = await jitsu.ask(`${RUMPRUN}.test`);
    assert.deepEqual(addresses, [guest.address], jitsu.log);
    const id = (await dom0.domains()).find(({ name }) => name === RUMPRUN)?.id;
    const key = (path: string) => dom0.readKey(`/local/domain/${id}/${path}`);
    assert.ok((await key('data/ready')) !== undefined, `it was not waited for: ${jitsu.log}`);
    const record = `${(await key('device/vif/0/mac'))?.replaceAll(':', '')}${hexOf(guest.address)}`;
    const text = await dom0.untilConsole(guest, /^serving at/m);
    assert.ok(text.includes(`rumprun/cfg is ${RUMPRUN_CONFIG}\n`), text);
    await dom0.until(
      async () => (heard.includes(record) ? true : undefined),
      () => `Synjitsu was not told ${record}: ${heard.join()}; ${jitsu.log}`,
    );
  });

  it('stops nothing when xenstored has died, and says that it cannot know or start anything', async function () {
    if (!dom0.isDisposable) cannotRun(this, 'this Xen host would have to be rebooted');
    const guest = guestOf('pv');
    await jitsu.ask('pv.test');
    const { bootId } = await dom0.pageOf(guest);
    isXenDead = true;
    process.kill(Number(readFileSync(PID_FILE, 'utf8')), 'SIGKILL');
    for (const name of [guest.name, NEVER_STARTED]) {
      await dom0.until(
        async () => ((await jitsu.status(name)).state === 'unknown' ? true : undefined),
        () => `${name} is not unknown:\n${jitsu.log}`,
      );
    }
    const { rcode, addresses, extendedErrors } = await jitsu.ask(`${NEVER_STARTED}.test`);
    assert.deepEqual([rcode, addresses], ['SERVFAIL', []], jitsu.log);
    assert.match(extendedErrors.join('\n'), /xenstored/);
    assert.match(jitsu.log, /xenstored/);
    // Whom nobody asks for is stopped by then.
    await sleep(3 * TTL * 1_000);
    assert.equal((await dom0.pageOf(guest)).bootId, bootId, jitsu.log);
    assert.equal((await jitsu.status(guest.name)).state, 'unknown');
  });
});

const hexOf = (address: string): string => Buffer.from(address.split('.').map(Number)).toString('hex');
