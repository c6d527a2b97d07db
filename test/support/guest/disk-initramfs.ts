import { readFile } from 'node:fs/promises';
import { cpioArchive } from './cpio-archive.js';
import { modulesInOrder } from '../xen/image/kernel-modules.js';

/** It loads all modules, so that the system itself needs none, and goes over to the disk. */
const INIT = (modules: readonly string[], next: string) => `#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for module in ${modules.join(' ')}; do busybox insmod /lib/$module.ko || echo "no module $module"; done
while [ ! -b /dev/vdb ]; do busybox usleep 10000; done
busybox mount -t ext4 -o noatime /dev/vda /root
busybox mount -t ext4 -o ro /dev/vdb /root/workspace
for folder in dev proc sys; do busybox mount --move /$folder /root/$folder; done
exec busybox switch_root /root ${next}
`;

/**
 * The initramfs of a system on a disk, with the workspace on a second one. It is not packed: unpacking costs more than
 * reading.
 * @param wanted the kernel's modules
 * @param next the first program of the system on the disk
 */
export async function diskInitramfs(
  busybox: string,
  kernelFiles: readonly string[],
  wanted: readonly string[],
  next: string,
): Promise<Buffer> {
  const modules = await modulesInOrder(kernelFiles, wanted);
  return cpioArchive([
    ...['bin', 'dev', 'lib', 'proc', 'root', 'sys'].map((path) => ({ path })),
    ...modules.map(({ name, content }) => ({ path: `lib/${name}.ko`, content })),
    { path: 'bin/busybox', content: await readFile(busybox), isExecutable: true },
    {
      path: 'init',
      content: INIT(
        modules.map(({ name }) => name),
        next,
      ),
      isExecutable: true,
    },
  ]);
}
