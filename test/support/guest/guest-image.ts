import { createHash } from 'node:crypto';
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, finishedFoldersIn, makeAtOnce } from '../cache-folder.js';
import { cannotRun } from '../cannot-run.js';
import { findProgram } from '../find-program.js';
import { TemporaryFolder } from '../temporary-folder.js';
import { dependencyOf, unpackPackage, withPackageLists } from './debian-package.js';
import { guestInitramfs } from './guest-initramfs.js';
import { GUEST_INIT, GUEST_MODULES, GUEST_PAGE } from './guest-program.js';
import { theOne } from './the-one.js';

/** The files from which a guest boots. */
export interface GuestImage {
  readonly kernel: string;
  readonly initrd: string;
}

const METAPACKAGE = 'linux-image-cloud-amd64';
const IMAGES = cacheFolder('guest');
const CONTENT = createHash('sha256')
  .update([GUEST_INIT, GUEST_PAGE, ...GUEST_MODULES].join('\0'))
  .digest('hex')
  .slice(0, 12);

let preparing: Promise<GuestImage> | undefined;

/**
 * A Linux of 17 MB that serves a page about itself: Debian's kernel for clouds, and an initramfs of busybox with a
 * script. It is made once and kept; both packages are unpacked, not installed. The suite is skipped where apt cannot
 * bring them.
 */
export async function prepareGuestImage(context: Mocha.Context): Promise<GuestImage> {
  if (process.arch !== 'x64') cannotRun(context, 'the guests are made for x86-64');
  if (findProgram('apt-get') === undefined) cannotRun(context, 'the guests are made of Debian packages, with apt-get');
  try {
    preparing ??= findImage().then((found) => found ?? withPackageLists(makeImage));
    return await preparing;
  } catch (error) {
    return cannotRun(context, `no image of a guest can be made here: ${String(error)}`);
  }
}

async function findImage(): Promise<GuestImage | undefined> {
  const name = (await finishedFoldersIn(IMAGES)).find((folder) => folder.endsWith(`-${CONTENT}`));
  return name === undefined ? undefined : imageIn(join(IMAGES, name));
}

async function makeImage(): Promise<GuestImage> {
  const kernelPackage = await dependencyOf(METAPACKAGE);
  const folder = join(IMAGES, `${kernelPackage.replace('linux-image-', '')}-${CONTENT}`);
  await makeAtOnce(folder, async (unfinished) => {
    using packages = new TemporaryFolder();
    await unpackPackage(kernelPackage, packages.in('kernel'));
    await unpackPackage('busybox-static', packages.in('busybox'));
    const { kernel, initrd } = imageIn(unfinished);
    const kernelFiles = await filesIn(packages.in('kernel'));
    await copyFile(theOne(kernelFiles, /\/boot\/vmlinuz-[^/]+$/), kernel);
    const busybox = theOne(await filesIn(packages.in('busybox')), /\/bin\/busybox$/);
    await writeFile(initrd, await guestInitramfs(busybox, kernelFiles));
  });
  return imageIn(folder);
}

function imageIn(folder: string): GuestImage {
  return { kernel: join(folder, 'vmlinuz'), initrd: join(folder, 'initrd') };
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).map((path) => join(folder, path));
}
