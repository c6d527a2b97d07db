import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpioArchive } from '../guest/cpio-archive.js';
import { guestCommandLine } from '../guest/guest-command-line.js';
import { prepareGuestImage } from '../guest/guest-image.js';
import { uncompressedKernel } from './image/linux-kernel.js';
import type { XenGuest, XenGuestOptions } from './xen-guest.js';

const MEMORY = { linux: 96, grub: 32 };
const GRUB = '/usr/lib/grub-xen';

/** The files from which guests of Xen boot. */
export class GuestFiles {
  constructor(
    private readonly linux: { readonly kernel: string; readonly ramdisk: string },
    private readonly grub: Readonly<Record<'pv' | 'pvh', string>>,
  ) {}

  /** That part of a guest which depends on what it runs. Files that are made for it go into `folder`. */
  of(
    name: string,
    address: string,
    { type = 'pv', kernel = 'linux', memory = MEMORY[kernel], files, ...behaviour }: XenGuestOptions,
    folder: string,
  ): Pick<XenGuest, 'type' | 'kernel' | 'ramdisk' | 'commandLine' | 'memory'> {
    if (kernel === 'grub') return { type, memory, kernel: this.grub[type], commandLine: '' };
    const commandLine = guestCommandLine('hvc0', address, behaviour);
    if (files === undefined) return { type, memory, ...this.linux, commandLine };
    const ramdisk = join(folder, `${name}.initrd`);
    writeFileSync(ramdisk, Buffer.concat([readFileSync(this.linux.ramdisk), cpioArchive(files)]));
    return { type, memory, kernel: this.linux.kernel, ramdisk, commandLine };
  }
}

/**
 * In the tests' own dom0 they are part of its image, in the folder that `JITSU_XEN_GUEST` names. On any other Xen host
 * they are made, and GRUB is that of Debian's grub-xen-host.
 */
export async function findGuestFiles(context: Mocha.Context): Promise<GuestFiles> {
  const folder = process.env['JITSU_XEN_GUEST'];
  if (folder !== undefined) {
    const linux = { kernel: join(folder, 'vmlinux'), ramdisk: join(folder, 'initrd') };
    return new GuestFiles(linux, { pv: join(folder, 'grub-pv.bin'), pvh: join(folder, 'grub-pvh.bin') });
  }
  const { kernel, initrd } = await prepareGuestImage(context);
  const unpacked = `${kernel}.unpacked`;
  if (!existsSync(unpacked)) await writeFile(unpacked, await uncompressedKernel(await readFile(kernel)));
  return new GuestFiles(
    { kernel: unpacked, ramdisk: initrd },
    { pv: join(GRUB, 'grub-x86_64-xen.bin'), pvh: join(GRUB, 'grub-i386-xen_pvh.bin') },
  );
}
