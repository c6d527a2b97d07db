import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { cpioArchive } from './cpio-archive.js';
import { GUEST_INIT, GUEST_MODULES, GUEST_PAGE } from './guest-program.js';
import { theOne } from './the-one.js';

/** The initramfs of a guest: busybox, some modules of its kernel, and a script. Linux takes more files appended to it. */
export async function guestInitramfs(busybox: string, kernelFiles: readonly string[]): Promise<Buffer> {
  const folders = ['bin', 'dev', 'lib', 'proc', 'sbin', 'sys', 'www', 'www/cgi-bin'].map((path) => ({ path }));
  const modules = GUEST_MODULES.map(async (name) => {
    const file = theOne(kernelFiles, new RegExp(`/${name}\\.ko(\\.xz)?$`));
    return { path: `lib/${basename(file)}`, content: await readFile(file) };
  });
  return cpioArchive([
    ...folders,
    ...(await Promise.all(modules)),
    { path: 'bin/busybox', content: await readFile(busybox), isExecutable: true },
    { path: 'init', content: GUEST_INIT, isExecutable: true },
    { path: 'www/cgi-bin/uptime', content: GUEST_PAGE, isExecutable: true },
  ]);
}
