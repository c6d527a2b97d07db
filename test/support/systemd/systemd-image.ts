import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, finishedFoldersIn, keepWhatIsUsed, makeAtOnce } from '../cache-folder.js';
import { withPackageLists } from '../guest/debian-package.js';
import { diskInitramfs } from '../guest/disk-initramfs.js';
import { downloadSystemPackages, systemPackages } from '../guest/system-packages.js';
import { theOne } from '../guest/the-one.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { addProgram, apartFromKernels, filesBelow, makeRoot, unpackInto } from '../xen/image/dom0-tree.js';
import { writeExt4Image } from '../xen/image/ext4-image.js';
import { uncompressedKernel } from '../xen/image/linux-kernel.js';

/** The files from which a Debian with systemd boots. */
export interface SystemdImage {
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

const IMAGES = cacheFolder('systemd');
const DAYS_KEPT = 14;

/** By whose text an image is known: one that was made otherwise is made anew. */
const RECIPE = [import.meta.url, import.meta.resolve('../guest/disk-initramfs.js')].map((url) => fileURLToPath(url));

const FREE_MEBIBYTES = 128;

const PACKAGES = [
  ...['linux-image-cloud-amd64', 'systemd', 'systemd-sysv', 'busybox-static', 'bash', 'coreutils', 'dash', 'grep'],
  ...['libstdc++6', 'mount', 'procps', 'sed', 'util-linux'],
];
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_console', 'crc32c_generic', 'ext4', 'autofs4'];
const NOT_USED = ['lib/python3*', 'lib/debug', 'lib/x86_64-linux-gnu/perl*', 'include'];

/** What a system of one boot does not need, and takes seconds in an emulator. */
const MASKED = [
  ...['systemd-journald.service', 'systemd-journald.socket', 'systemd-journald-dev-log.socket'],
  ...['systemd-journald-audit.socket', 'systemd-udevd.service', 'systemd-udev-trigger.service'],
  ...['systemd-udevd-control.socket', 'systemd-udevd-kernel.socket', 'systemd-logind.service', 'getty.target'],
  ...['systemd-update-utmp.service', 'systemd-tmpfiles-setup.service', 'systemd-tmpfiles-setup-dev.service'],
  ...['systemd-hwdb-update.service', 'systemd-sysusers.service', 'ldconfig.service', 'systemd-random-seed.service'],
];

/** It runs the program of the trial, and powers off. */
const TRIAL = `[Unit]
After=basic.target
[Service]
Type=oneshot
StandardOutput=file:/dev/ttyS0
StandardError=file:/dev/ttyS0
ExecStart=/usr/bin/node /workspace/trial.js
ExecStopPost=/usr/bin/busybox poweroff -f
`;

const TRIAL_TARGET = `[Unit]
Requires=basic.target trial.service
AllowIsolate=yes
`;

/** Code that V8 compiles has to be translated once more by QEMU: that takes longer than to interpret it. */
const NODE = `#!/bin/sh
LD_LIBRARY_PATH=/workspace/.node/lib exec /workspace/.node/node --no-opt --no-sparkplug "$@"
`;

/** The command as an installation has it. */
const JITSU = `#!/bin/sh
exec /usr/bin/node /workspace/cli/bin/jitsu.js "$@"
`;

/**
 * Linux and a small Debian with systemd, of the versions that the machine's own apt knows. It is made once for these
 * versions, and kept.
 */
export async function prepareSystemdImage(): Promise<SystemdImage> {
  using downloads = new TemporaryFolder();
  const { folder, packages } = await withPackageLists(async () => {
    const recipe = await Promise.all(RECIPE.map((file) => readFile(file, 'utf8')));
    const key = createHash('sha256')
      .update([...(await systemPackages(PACKAGES)), ...recipe].join('\0'))
      .digest('hex');
    const folder = join(IMAGES, key.slice(0, 16));
    const isMade = (await finishedFoldersIn(IMAGES)).includes(basename(folder));
    return { folder, packages: isMade ? undefined : await downloadSystemPackages(downloads.path, PACKAGES) };
  });
  if (packages !== undefined) await makeAtOnce(folder, (unfinished) => makeImage(unfinished, packages));
  await keepWhatIsUsed(folder, DAYS_KEPT);
  return imageIn(folder);
}

async function makeImage(folder: string, packages: readonly string[]): Promise<void> {
  const image = imageIn(folder);
  const [root, kernel] = [join(folder, 'root'), join(folder, 'kernel-files')];
  const { kernels, others } = apartFromKernels(packages);
  await mkdir(root);
  await makeRoot(root);
  await unpackInto(root, others, NOT_USED);
  await unpackInto(kernel, kernels);
  const files = await filesBelow(kernel);
  await writeFile(image.kernel, await uncompressedKernel(await readFile(theOne(files, /\/boot\/vmlinuz-[^/]+$/))));
  await writeFile(
    image.initrd,
    await diskInitramfs(join(root, 'usr/bin/busybox'), files, MODULES, '/lib/systemd/systemd'),
  );
  await configure(root);
  await writeExt4Image(image.disk, root, FREE_MEBIBYTES);
  for (const unneeded of [root, kernel]) await rm(unneeded, { recursive: true });
}

async function configure(root: string): Promise<void> {
  const units = join(root, 'etc/systemd/system');
  await mkdir(units, { recursive: true });
  await mkdir(join(root, 'etc/jitsu'));
  await writeFile(join(root, 'etc/machine-id'), `${'a'.repeat(32)}\n`);
  await writeFile(join(root, 'etc/passwd'), 'jitsu:x:990:990::/:/bin/false\n', { flag: 'a' });
  await writeFile(join(root, 'etc/group'), 'jitsu:x:990:\n', { flag: 'a' });
  for (const name of MASKED) await symlink('/dev/null', join(units, name));
  await writeFile(join(units, 'trial.service'), TRIAL);
  await writeFile(join(units, 'trial.target'), TRIAL_TARGET);
  await addProgram(join(root, 'usr/bin/node'), NODE);
  await addProgram(join(root, 'usr/bin/jitsu'), JITSU);
}

function imageIn(folder: string): SystemdImage {
  return { kernel: join(folder, 'vmlinux'), initrd: join(folder, 'initrd'), disk: join(folder, 'disk.ext4') };
}
