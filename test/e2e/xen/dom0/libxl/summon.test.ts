import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { cannotRun } from '../../../../support/cannot-run.js';
import { runJitsu, spawnJitsu } from '../../../../support/jitsu-command.js';
import { optionsOf } from '../../../../support/libxl/libxl-host.js';
import { RunningJitsu } from '../../../../support/running-jitsu.js';
import { TemporaryFolder } from '../../../../support/temporary-folder.js';
import { LoopDevice } from '../../../../support/xen/loop-device.js';
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

  for (const { name, form } of [
    { name: 'www', form: 'dns=www.example.org,ip=10.0.0.1,kernel=mirage-www.xen,memory=64000,name=www,nic=br0' },
    {
      name: 'rumprun',
      form:
        'dns=www.example.org,memory=64000,ip=10.0.0.1,name=rumprun,kernel=nginx.bin,disk=images/stubetc.iso@xvda,' +
        'disk=images/data.iso@xvdb,nic=br0,rumprun_config=tmp/json.cfg',
    },
  ]) {
    it(`runs a command line of the original as it is written: ${form}`, async function () {
      if (form.includes('rumprun_config') && !isInstalled('@jitsud/plugin-rumprun-config')) {
        cannotRun(this, 'the plugin rumprun-config is not installed');
      }
      using folder = new TemporaryFolder();
      await using etc = await LoopDevice.open(dom0);
      await using data = await LoopDevice.open(dom0);
      const grub = dom0.guest(name, { kernel: 'grub' });
      for (const folderName of ['images', 'tmp']) mkdirSync(folder.in(folderName));
      for (const kernel of ['mirage-www.xen', 'nginx.bin']) symlinkSync(grub.kernel, folder.in(kernel));
      symlinkSync(etc.path, folder.in('images/stubetc.iso'));
      symlinkSync(data.path, folder.in('images/data.iso'));
      writeFileSync(folder.in('tmp/json.cfg'), '{"cmdline": "nginx"}\n');
      const control = ['--control', folder.in('c.sock')];
      const setting = { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run') } };
      await dom0.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
      const child = spawnJitsu(['start', '-x', 'libxl', '-l', '0', '-f', '0.0.0.0', ...control, form], setting);
      let log = '';
      try {
        const lines = createInterface({ input: child.stderr }).on('line', (line) => (log += `${line}\n`));
        await dom0.until(
          async () => (log.includes('answering DNS on') || child.exitCode !== null ? true : undefined),
          () => log,
        );
        const { stdout } = await runJitsu(['resolve', 'www.example.org', ...control], setting);
        lines.close();
        assert.match(stdout, /^NOERROR .*\nanswer +www\.example\.org +60 +A +10\.0\.0\.1\n$/s, log);
        assert.deepEqual(
          (await dom0.domains()).map((domain) => domain.name),
          [name],
        );
      } finally {
        child.kill('SIGTERM');
        if (child.exitCode === null) await once(child, 'close');
        await dom0.removeGuests();
        await dom0.run('ip', 'link', 'delete', 'br0');
      }
    });
  }
});

function isInstalled(name: string): boolean {
  try {
    return import.meta.resolve(name) !== '';
  } catch {
    return false;
  }
}
