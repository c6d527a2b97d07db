import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { identityIn, macsOf } from '#libvirt/domain-xml.js';
import { guestJitsu, startedLibvirtd } from '../../support/libvirt/guest-jitsu.js';
import { prepareGuestImage, type GuestImage } from '../../support/guest/guest-image.js';
import type { PrivateLibvirtd } from '../../support/libvirt/private-libvirtd.js';
import { requireTool } from '../../support/require-tool.js';
import { TemporaryFolder } from '../../support/temporary-folder.js';

const run = promisify(execFile);
const EXAMPLE = fileURLToPath(new URL('../../../../examples/small-vm/make.sh', import.meta.url));
/** As busybox knows the versions of kernels: by three numbers. */
const VERSION = '6.1.0-guest';

describe('the small virtual machine of the examples', function () {
  this.timeout(120_000);
  const folder = new TemporaryFolder();
  const made = folder.in('made');
  const xml = join(made, 'small-vm.xml');
  const address = '10.77.0.200';
  let libvirtd: PrivateLibvirtd;
  let image: GuestImage;

  /** Runs the script for the kernel of the other guests; resolves with what it printed. */
  const make = async (variables: NodeJS.ProcessEnv = {}): Promise<string> => {
    const kernel = { KERNEL: image.kernel, MODULES: folder.in('lib/modules', VERSION) };
    const env = { ...process.env, ADDRESS: address, TYPE: 'qemu', ...kernel, ...variables };
    return (await run('sh', [EXAMPLE, made], { env })).stdout;
  };

  before(async function () {
    const busybox = requireTool(this, 'busybox');
    image = await prepareGuestImage(this);
    libvirtd = await startedLibvirtd(this);
    await unpackModules(busybox, image.initrd, folder.path);
    await startDefaultNetwork(libvirtd);
    await make();
  });
  after(async () => {
    await libvirtd?.[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it('is described by XML that can be read, with a network card of its own for each address', async () => {
    const text = await readFile(xml, 'utf8');
    assert.deepEqual(identityIn(text), { name: 'small-vm' });
    assert.deepEqual(macsOf(text), ['52:54:0a:4d:00:c8']);
  });

  it('can be made once more, under another name and at another address', async () => {
    assert.match(await make({ NAME: 'other', ADDRESS: '10.77.0.201' }), /other\.xml describes .* 10\.77\.0\.201\.\n$/);
    const text = await readFile(join(made, 'other.xml'), 'utf8');
    assert.deepEqual(identityIn(text), { name: 'other' });
    assert.deepEqual(macsOf(text), ['52:54:0a:4d:00:c9']);
    assert.deepEqual((await readdir(made)).sort(), ['initrd', 'kernel', 'other.xml', 'small-vm.xml']);
  });

  it('needs a kernel and its modules, and says so where they lack', async () => {
    for (const lacking of [{ KERNEL: folder.in('none') }, { MODULES: folder.path }]) {
      await assert.rejects(make(lacking), /are needed: name others by KERNEL and MODULES/);
    }
  });

  it('serves its page when its name is asked for, hears its power button, and boots anew', async () => {
    const small = { name: 'small-vm', xml, address, mode: 'shutdown', grace: 60 };
    await using jitsu = guestJitsu(libvirtd, [small]);
    await jitsu.start();
    const ask = async (): Promise<string> => {
      assert.deepEqual((await jitsu.ask('small-vm.test')).addresses, [address], jitsu.log);
      return await libvirtd.get(`http://${address}/`);
    };
    assert.match(await ask(), /^Hello! You asked for my name, so I was booted, \d+\.\d\d s ago\.\n$/);
    await jitsu.control.stop('small-vm');
    assert.equal(await libvirtd.virsh('domstate', '--reason', 'small-vm'), 'shut off (shutdown)');
    assert.match(await ask(), /^Hello!/);
  });
});

/** Makes a folder of modules as an installed kernel has one, some of them compressed, of those that the guests load. */
async function unpackModules(busybox: string, initrd: string, folder: string): Promise<void> {
  const modules = join(folder, 'lib/modules', VERSION);
  await mkdir(join(folder, 'initrd'));
  await mkdir(modules, { recursive: true });
  await run('sh', ['-c', '"$0" cpio -id <"$1"', busybox, initrd], { cwd: join(folder, 'initrd') });
  await rename(join(folder, 'initrd/lib'), join(modules, 'kernel'));
  await run(busybox, ['depmod', '-b', folder, VERSION]);
  const dependencies = await readFile(join(modules, 'modules.dep'), 'utf8');
  assert.match(dependencies, /virtio_net\.ko/);
  for (const file of (await readdir(join(modules, 'kernel'))).filter((name) => /^virtio.*\.ko$/.test(name))) {
    const path = join(modules, 'kernel', file);
    await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
    await rm(path);
  }
  await writeFile(join(modules, 'modules.dep'), dependencies.replaceAll(/\b(virtio\w*\.ko)\b(?!\.)/g, '$1.gz'));
}

/** What libvirt calls its default network, on the bridge that is there already. */
async function startDefaultNetwork(libvirtd: PrivateLibvirtd): Promise<void> {
  const file = join(libvirtd.folder, 'default.xml');
  const bridge = `<forward mode='bridge'/><bridge name='${libvirtd.bridge}'/>`;
  await writeFile(file, `<network><name>default</name>${bridge}</network>\n`);
  await libvirtd.virsh('net-define', file);
  await libvirtd.virsh('net-start', 'default');
}
