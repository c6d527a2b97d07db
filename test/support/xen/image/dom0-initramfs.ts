import { diskInitramfs } from '../../guest/disk-initramfs.js';

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

/** The initramfs of dom0. */
export function dom0Initramfs(busybox: string, kernelFiles: readonly string[]): Promise<Buffer> {
  return diskInitramfs(busybox, kernelFiles, MODULES, '/sbin/dom0-init');
}
