import { readFile } from 'node:fs/promises';
import { cpioArchive } from '../../guest/cpio-archive.js';
import { modulesInOrder } from './kernel-modules.js';

/** What dom0 reaches its disks and its port by, what Xen's programs talk to, and what guests get their devices from. */
const MODULES = [
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'crc32c_generic',
  'ext4',
  'xen-privcmd',
  'xenfs',
  'xen-evtchn',
  'xen-gntdev',
  'xen-gntalloc',
  'xen-netback',
  'xen-blkback',
  'bridge',
  'veth',
  'tun',
  'loop',
  'brd',
] as const;

/** It loads all modules, so that dom0 itself needs none, and goes over to the disk. */
const INIT = (modules: readonly string[]) => `#!/bin/busybox sh
export PATH=/bin
busybox mount -t devtmpfs dev /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
for module in ${modules.join(' ')}; do busybox insmod /lib/$module.ko || echo "no module $module"; done
while [ ! -b /dev/vdb ]; do busybox usleep 10000; done
busybox mount -t ext4 -o noatime /dev/vda /root
busybox mount -t ext4 -o ro /dev/vdb /root/workspace
for folder in dev proc sys; do busybox mount --move /$folder /root/$folder; done
exec busybox switch_root /root /sbin/dom0-init
`;

/** The initramfs of dom0. It is not packed: unpacking costs more than reading. */
export async function dom0Initramfs(busybox: string, kernelFiles: readonly string[]): Promise<Buffer> {
  const modules = await modulesInOrder(kernelFiles, MODULES);
  return cpioArchive([
    ...['bin', 'dev', 'lib', 'proc', 'root', 'sys'].map((path) => ({ path })),
    ...modules.map(({ name, content }) => ({ path: `lib/${name}.ko`, content })),
    { path: 'bin/busybox', content: await readFile(busybox), isExecutable: true },
    { path: 'init', content: INIT(modules.map(({ name }) => name)), isExecutable: true },
  ]);
}
