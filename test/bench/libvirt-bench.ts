import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { PrivateLibvirtd } from '../support/libvirt/private-libvirtd.js';
import { benchCreate } from './libvirt-create.js';
import { benchLag } from './libvirt-lag.js';
import { benchLooks } from './libvirt-looks.js';
import type { LibvirtSetting } from './libvirt-setting.js';

const TEST_DRIVER: LibvirtSetting = {
  label: "libvirt's test driver",
  uri: 'test:///default',
  createRounds: 500,
  lagRounds: 15,
  xmlOf: (name) => `<domain type='test'>
    <name>${name}</name>
    <memory unit='MiB'>64</memory>
    <os><type>hvm</type></os>
    <devices><interface type='network'><source network='default'/></interface></devices>
  </domain>`,
};

/**
 * What the libvirt backend adds to libvirt's own calls: with libvirt's test driver, whose machines start in no time, and
 * with QEMU where a libvirtd of our own can be made.
 */
export async function benchLibvirt(): Promise<void> {
  await bench(TEST_DRIVER);
  const libvirtd = await startLibvirtd();
  if (libvirtd === undefined) return;
  try {
    await bench({
      label: 'QEMU, emulating in software',
      uri: libvirtd.uri,
      createRounds: 9,
      lagRounds: 3,
      // Without a kernel it has nothing to do, and leaves the processors to what is measured.
      xmlOf: (name) => libvirtd.xmlOf(name).replace(/<kernel>.*<\/cmdline>/s, ''),
      virsh: (commands) => promisify(execFile)('virsh', ['--quiet', '--connect', libvirtd.uri, commands]),
    });
  } finally {
    await libvirtd[Symbol.asyncDispose]();
  }
}

async function bench(setting: LibvirtSetting): Promise<void> {
  await benchLag(setting);
  await benchCreate(setting);
  await benchLooks(setting);
}

/** Nothing, and a line that says so, where none can be made. */
async function startLibvirtd(): Promise<PrivateLibvirtd | undefined> {
  // What a suite would be skipped for.
  const skip = (): never => {
    throw new Error('that takes root, apt-get, libvirtd, virsh, and QEMU for x86-64');
  };
  try {
    const libvirtd = await PrivateLibvirtd.create({ skip } as unknown as Mocha.Context);
    await libvirtd.start();
    return libvirtd;
  } catch (error) {
    console.log(`\nNothing is measured with QEMU: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
