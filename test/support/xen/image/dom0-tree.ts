import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Nobody reads them there, and no program needs them. The kernels' modules are in the initramfs. */
const LEFT_OUT = ['doc', 'info', 'lintian', 'locale', 'man', 'perl*', 'i18n', 'zoneinfo'].map(
  (name) => `share/${name}`,
);
const NOT_USED = ['lib/python3*', 'lib/debug', 'lib/x86_64-linux-gnu/perl*', 'lib/udev', 'lib/systemd', 'include'];

/** Unpacks the file of a package within a folder whose own links to folders stay what they are. */
const UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar --extract --directory "$2" --keep-directory-symlink';

/**
 * The files of packages are unpacked into a folder; none of their scripts runs, and nothing is installed.
 * @param notUsed what is left out, below /usr
 */
export async function unpackInto(folder: string, packages: readonly string[], notUsed = NOT_USED): Promise<void> {
  const excluded = [...LEFT_OUT, ...notUsed].map((path) => `--exclude=./usr/${path}`).join(' ');
  await mkdir(folder, { recursive: true });
  for (const file of packages) await run('sh', ['-e', '-c', `${UNPACK} ${excluded}`, 'sh', file, folder]);
}

/** Makes a folder the root of a system: what Debian's installer and the scripts of its packages would add. */
export async function makeRoot(root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  for (const name of ['dev', 'etc', 'guest', 'proc', 'run', 'sys', 'tmp', 'var/log', 'workspace']) {
    await mkdir(join(root, name), { recursive: true });
  }
  await symlink('dash', join(root, 'usr/bin/sh'));
  await symlink('mawk', join(root, 'usr/bin/awk'));
  await symlink('/run', join(root, 'var/run'));
  await symlink('/run/lock', join(root, 'var/lock'));
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n');
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  await writeFile(join(root, 'etc/hosts'), '127.0.0.1 localhost dom0\n');
  await writeFile(join(root, 'etc/resolv.conf'), 'nameserver 127.0.0.1\n');
}

/** Writes a program into such a folder. */
export async function addProgram(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** All files below a folder. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  return (await readdir(folder, { recursive: true })).map((path) => join(folder, path));
}

/** Those packages that hold a kernel, and the others. */
export function apartFromKernels(packages: readonly string[]): { kernels: string[]; others: string[] } {
  const isKernel = (path: string): boolean => basename(path).startsWith('linux-image-');
  return { kernels: packages.filter(isKernel), others: packages.filter((path) => !isKernel(path)) };
}
