import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { askOverUdp } from '../../../../support/ask-over-udp.js';
import { spawnJitsu } from '../../../../support/jitsu-command.js';
import { TemporaryFolder } from '../../../../support/temporary-folder.js';
import { Dom0 } from '../../../../support/xen/dom0.js';
import { LoopDevice } from '../../../../support/xen/loop-device.js';
import type { XenGuest } from '../../../../support/xen/xen-guest.js';

const WWW = 'dns=www.example.org,ip=10.0.0.1,kernel=mirage-www.xen,memory=64000,name=www,nic=br0';
const NGINX =
  'dns=www.example.org,memory=64000,ip=10.0.0.1,name=rumprun,kernel=nginx.bin,disk=images/stubetc.iso@xvda,' +
  'disk=images/data.iso@xvdb,nic=br0,rumprun_config=tmp/json.cfg';
/** Whatever the command line leaves open: this processor is emulated, and other suites run beside it. */
const CONFIG = { boot: { deadline: '2m' } };
const RUMPRUN_CONFIG = '{"cmdline": "nginx"}';

describe('the command lines of the original for libxl', function () {
  // Longer than Jitsu's start and the deadline of its summon, and shorter than the silence after which Xen is given up.
  this.timeout(220_000);
  let dom0: Dom0;
  let folder: TemporaryFolder;
  let disks: LoopDevice[];

  before(async function () {
    dom0 = await Dom0.open(this);
  });

  beforeEach(async () => {
    folder = new TemporaryFolder();
    for (const name of ['images', 'tmp']) mkdirSync(folder.in(name));
    disks = [await LoopDevice.open(dom0), await LoopDevice.open(dom0)];
    for (const [index, name] of ['stubetc.iso', 'data.iso'].entries()) {
      symlinkSync(disks[index]!.path, folder.in('images', name));
    }
    writeFileSync(folder.in('jitsu.config.json'), JSON.stringify(CONFIG));
    writeFileSync(folder.in('tmp/json.cfg'), `${RUMPRUN_CONFIG}\n`);
    await dom0.run('ip', 'link', 'add', 'br0', 'type', 'bridge');
  });

  afterEach(async () => {
    await dom0.removeGuests();
    await dom0.run('ip', 'link', 'delete', 'br0');
    for (const disk of disks) await disk[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  after(() => dom0[Symbol.asyncDispose]());

  /** Runs Jitsu by this form, in a folder with all files that it names, asks for the name, and sees what runs then. */
  const isSummoned = async ({ name, kernel }: XenGuest, form: string): Promise<void> => {
    for (const name of ['mirage-www.xen', 'nginx.bin']) symlinkSync(kernel, folder.in(name));
    const control = ['--control', folder.in('c.sock')];
    const setting = { cwd: folder.path, env: { RUNTIME_DIRECTORY: folder.in('run') } };
    // So that it listens where it may, and asks nobody else.
    const child = spawnJitsu(['start', '-l', '0', '-f', '0.0.0.0', ...control, '-x', 'libxl', form], setting);
    let log = '';
    child.stderr.on('data', (chunk) => (log += String(chunk)));
    try {
      await dom0.until(
        async () => (log.includes('answering DNS on') || child.exitCode !== null ? true : undefined),
        () => log,
      );
      const port = Number(/answering DNS on \S+:(\d+)/.exec(log)?.[1]);
      const { rcode, addresses } = await askOverUdp(port, 'www.example.org');
      assert.deepEqual([rcode, addresses], ['NOERROR', ['10.0.0.1']], log);
      assert.deepEqual(
        (await dom0.domains()).map((domain) => domain.name),
        [name],
      );
    } finally {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'close');
    }
  };

  for (const { name, form } of [
    { name: 'www', form: WWW },
    { name: 'rumprun', form: NGINX },
  ]) {
    it(`run as they are written: jitsu -x libxl ${form}`, () => isSummoned(dom0.guest(name, { kernel: 'idle' }), form));
  }
});
