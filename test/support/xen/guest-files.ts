import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpioArchive } from '../guest/cpio-archive.js';
import { guestCommandLine } from '../guest/guest-command-line.js';
import { prepareGuestImage } from '../guest/guest-image.js';
import { idleKernel } from './idle-kernel.js';
import { uncompressedKernel } from './image/linux-kernel.js';
import type { XenGuest, XenGuestOptions } from './xen-guest.js';

const MEMORY = { linux: 96, idle: 16 };

/** The files from which guests of Xen boot. */
export class GuestFiles {
  constructor(private readonly linux: { readonly kernel: string; readonly ramdisk: string }) {}

  /** That part of a guest which depends on what it runs. Files that are made for it go into `folder`. */
  of(
    name: string,
    address: string,
    { type = 'pv', kernel = 'linux', memory = MEMORY[kernel], files, ...behaviour }: XenGuestOptions,
    folder: string,
  ): Pick<XenGuest, 'type' | 'kernel' | 'ramdisk' | 'commandLine' | 'memory'> {
    if (kernel === 'idle') return { type, memory, kernel: idleKernelIn(folder), commandLine: '' };
    const commandLine = guestCommandLine('hvc0', address, behaviour);
    if (files === undefined) return { type, memory, ...this.linux, commandLine };
    const ramdisk = join(folder, `${name}.initrd`);
    writeFileSync(ramdisk, Buffer.concat([readFileSync(this.linux.ramdisk), cpioArchive(files)]));
    return { type, memory, kernel: this.linux.kernel, ramdisk, commandLine };
  }
}

/**
 * In the tests' own dom0 they are part of its image, in the folder that `JITSU_XEN_GUEST` names. On any other Xen host
 * they are made.
 */
export async function findGuestFiles(context: Mocha.Context): Promise<GuestFiles> {
  const folder = process.env['JITSU_XEN_GUEST'];
  if (folder !== undefined) {
    return new GuestFiles({ kernel: join(folder, 'vmlinux'), ramdisk: join(folder, 'initrd') });
  }
  const { kernel, initrd } = await prepareGuestImage(context);
  const unpacked = `${kernel}.unpacked`;
  if (!existsSync(unpacked)) await writeFile(unpacked, await uncompressedKernel(await readFile(kernel)));
  return new GuestFiles({ kernel: unpacked, ramdisk: initrd });
}

function idleKernelIn(folder: string): string {
  const path = join(folder, 'idle');
  if (!existsSync(path)) writeFileSync(path, idleKernel());
  return path;
}
