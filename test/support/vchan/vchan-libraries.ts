import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
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

/** Each library that is Debian's own, and its package; each after those that it needs. */
const REAL = {
  'libxentoolcore.so.1': 'libxentoolcore1',
  'libxenstore.so.4': 'libxenstore4',
  'libxentoollog.so.1': 'libxentoollog1',
  'libxenvchan.so.4.17': 'libxenmisc4.17',
} as const;

/** What the shim is built as. */
const SHIMS = ['libxengnttab.so.1', 'libxenevtchn.so.1'];

const source = (name: string): string => fileURLToPath(new URL(`../../../support/vchan/${name}`, import.meta.url));
const SHIM = source('hypervisor-shim.c');
const SHIM_SYMBOLS = source('hypervisor-shim.map');

/** The paths of libxenvchan and of all that it needs, in the order in which they can be loaded. */
export async function prepareVchanLibraries(context: Mocha.Context): Promise<readonly string[]> {
  const compiler = requireTool(context, 'cc');
  if (findProgram('apt-get') === undefined) cannotRun(context, 'libxenvchan comes in a Debian package, with apt-get');
  try {
    return await prepare(compiler);
  } catch (error) {
    return cannotRun(context, `libxenvchan cannot be had here: ${String(error)}`);
  }
}

async function prepare(compiler: string): Promise<readonly string[]> {
  const sources = await Promise.all([readFile(SHIM), readFile(SHIM_SYMBOLS)]);
  const content = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 12);
  const name = `${REAL['libxenvchan.so.4.17']}-${process.arch}-${content}`;
  const made = cacheFolder('jitsu-xenvchan');
  const folder = join(made, name);
  if (!(await finishedFoldersIn(made)).includes(name)) {
    await withPackageLists(() => makeAtOnce(folder, (unfinished) => make(unfinished, compiler)));
  }
  return [...SHIMS, ...Object.keys(REAL)].map((library) => join(folder, library));
}

async function make(folder: string, compiler: string): Promise<void> {
  using unpacked = new TemporaryFolder();
  for (const [library, packageName] of Object.entries(REAL)) {
    const root = unpacked.in(packageName);
    await unpackPackage(packageName, root);
    const { stdout } = await run('find', [root, '-name', library]);
    await cp(stdout.trim(), join(folder, library), { dereference: true });
  }
  const strict = ['-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', `-Wl,--version-script=${SHIM_SYMBOLS}`];
  for (const library of SHIMS) {
    await run(compiler, [...strict, `-Wl,-soname=${library}`, '-o', join(folder, library), SHIM]);
  }
}
