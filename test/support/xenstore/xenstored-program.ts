import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cannotRun } from '../cannot-run.js';
import { findProgram } from '../find-program.js';
import { cacheFolder, finishedFoldersIn, makeAtOnce } from '../cache-folder.js';
import { unpackPackage, withPackageLists } from '../guest/debian-package.js';
import { requireTool } from '../require-tool.js';
import { TemporaryFolder } from '../temporary-folder.js';

const run = promisify(execFile);

/** The shim answers as the libraries of this version do. */
const PACKAGE = 'xen-utils-4.17';
const PROGRAM_IN_PACKAGE = 'usr/lib/xen-4.17/bin/xenstored';
const LIBRARIES = ['libxenctrl.so.4.17', 'libxenevtchn.so.1', 'libxengnttab.so.1'];

const source = (name: string): string => fileURLToPath(new URL(`../../../support/xenstore/${name}`, import.meta.url));
const SHIM = source('hypervisor-shim.c');
const SHIM_SYMBOLS = source('hypervisor-shim.map');

/** The real xenstored, and the folder with what stands in for Xen's libraries. */
export interface XenstoredProgram {
  readonly path: string;
  readonly libraries: string;
}

let preparing: Promise<XenstoredProgram> | undefined;

/** Debian's xenstored, unpacked and not installed, with a shim that is compiled here. It is made once and kept. */
export async function prepareXenstored(context: Mocha.Context): Promise<XenstoredProgram> {
  const compiler = requireTool(context, 'cc');
  if (findProgram('apt-get') === undefined) cannotRun(context, 'xenstored comes in a Debian package, with apt-get');
  try {
    preparing ??= prepare(compiler);
    return await preparing;
  } catch (error) {
    return cannotRun(context, `no xenstored can be made here: ${String(error)}`);
  }
}

async function prepare(compiler: string): Promise<XenstoredProgram> {
  const sources = await Promise.all([readFile(SHIM), readFile(SHIM_SYMBOLS)]);
  const content = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  const name = `${PACKAGE}-${process.arch}-${content}`;
  const programs = cacheFolder('jitsu-xenstored');
  const folder = join(programs, name);
  if (!(await finishedFoldersIn(programs)).includes(name)) {
    await withPackageLists(() => makeAtOnce(folder, (unfinished) => make(unfinished, compiler)));
  }
  return { path: join(folder, 'xenstored'), libraries: folder };
}

async function make(folder: string, compiler: string): Promise<void> {
  using unpacked = new TemporaryFolder();
  await unpackPackage(PACKAGE, unpacked.in('package'));
  await cp(unpacked.in('package', PROGRAM_IN_PACKAGE), join(folder, 'xenstored'));
  const shim = join(folder, 'hypervisor-shim.so');
  const strict = ['-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC'];
  await run(compiler, [...strict, `-Wl,--version-script=${SHIM_SYMBOLS}`, '-o', shim, SHIM]);
  for (const library of LIBRARIES) await symlink('hypervisor-shim.so', join(folder, library));
}
