import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { cacheFolder, finishedFoldersIn, keepWhatIsUsed, makeAtOnce } from '../../cache-folder.js';
import { withPackageLists } from '../../guest/debian-package.js';
import { guestInitramfs } from '../../guest/guest-initramfs.js';
import { downloadSystemPackages, systemPackages } from '../../guest/system-packages.js';
import { theOne } from '../../guest/the-one.js';
import { TemporaryFolder } from '../../temporary-folder.js';
import { dom0Init } from './dom0-init.js';
import { dom0Initramfs } from './dom0-initramfs.js';
import { DOM0_PACKAGES } from './dom0-packages.js';
import { addProgram, apartFromKernels, filesBelow, makeRoot, unpackInto } from './dom0-tree.js';
import { writeExt4Image } from './ext4-image.js';
import { uncompressedKernel } from './linux-kernel.js';

/** The files from which Xen and its dom0 boot. */
export interface Dom0Image {
  readonly xen: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly disk: string;
}

const IMAGES = cacheFolder('xen-dom0');
const DAYS_KEPT = 14;
/** For logs, saved guests and what suites write. */
const FREE_MEBIBYTES = 1024;
/** Whatever in these folders changes, an image is not what it was. */
const RECIPE = [new URL('.', import.meta.url), new URL('../../guest/', import.meta.url)].map((url) =>
  fileURLToPath(url),
);

/**
 * Xen, Linux and a small Debian with Xen's programs, of the versions that the machine's own apt knows, and guests in
 * /guest. It is made once for these versions, and kept.
 */
export async function prepareDom0Image(): Promise<Dom0Image> {
  using downloads = new TemporaryFolder();
  const { folder, packages } = await withPackageLists(async () => {
    const names = await systemPackages(DOM0_PACKAGES);
    const folder = join(IMAGES, keyOf([...names, await recipe()]));
    const isMade = (await finishedFoldersIn(IMAGES)).includes(basename(folder));
    return { folder, packages: isMade ? undefined : await downloadSystemPackages(downloads.path, DOM0_PACKAGES) };
  });
  if (packages !== undefined) await makeAtOnce(folder, (unfinished) => makeImage(unfinished, packages));
  await keepWhatIsUsed(folder, DAYS_KEPT);
  return imageIn(folder);
}

function keyOf(words: readonly string[]): string {
  return createHash('sha256').update(words.join('\0')).digest('hex').slice(0, 16);
}

async function recipe(): Promise<string> {
  const files = await Promise.all(RECIPE.map(filesBelow));
  const sources = files.flat().filter((path) => path.endsWith('.js'));
  return (await Promise.all(sources.toSorted().map((path) => readFile(path, 'utf8')))).join('\0');
}

async function makeImage(folder: string, packages: readonly string[]): Promise<void> {
  const image = imageIn(folder);
  const [root, domU, dom0] = [join(folder, 'root'), join(folder, 'domu-kernel'), join(folder, 'dom0-kernel')];
  const { kernels, others } = apartFromKernels(packages);
  await mkdir(root);
  await makeRoot(root);
  await unpackInto(root, others);
  await unpackInto(
    domU,
    kernels.filter((path) => path.includes('-cloud-')),
  );
  await unpackInto(
    dom0,
    kernels.filter((path) => !path.includes('-cloud-')),
  );
  const busybox = join(root, 'usr/bin/busybox');
  const [dom0Files, domUFiles] = await Promise.all([filesBelow(dom0), filesBelow(domU)]);

  const boot = (await readdir(join(root, 'boot'))).map((name) => join(root, 'boot', name));
  await writeFile(image.xen, gunzipSync(await readFile(theOne(boot, /\/xen-[^/]*amd64\.gz$/))));
  await writeFile(image.kernel, await kernelIn(dom0Files));
  await writeFile(image.initrd, await dom0Initramfs(busybox, dom0Files));

  const guest = join(root, 'guest');
  await writeFile(join(guest, 'vmlinux'), await kernelIn(domUFiles));
  await writeFile(join(guest, 'initrd'), await guestInitramfs(busybox, domUFiles));

  const xl = theOne(await filesBelow(join(root, 'usr/lib')), /\/xen-[^/]*\/bin\/xl$/);
  await addProgram(join(root, 'usr/sbin/dom0-init'), dom0Init(dirname(xl).slice(root.length)));
  await rm(join(root, 'boot'), { recursive: true });
  await writeExt4Image(image.disk, root, FREE_MEBIBYTES);
  for (const unneeded of [root, domU, dom0]) await rm(unneeded, { recursive: true });
}

async function kernelIn(files: readonly string[]): Promise<Buffer> {
  return await uncompressedKernel(await readFile(theOne(files, /\/boot\/vmlinuz-[^/]+$/)));
}

function imageIn(folder: string): Dom0Image {
  return {
    xen: join(folder, 'xen'),
    kernel: join(folder, 'vmlinux'),
    initrd: join(folder, 'initrd'),
    disk: join(folder, 'dom0.ext4'),
  };
}
