import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, realpath, symlink } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WORKSPACE = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');
/** What the suites import beside what the packages themselves depend on. */
const TEST_PACKAGES = ['dns-packet', 'fast-check', 'koffi', 'libsql', 'mocha', 'zod'];
/** In every Debian. */
const COMMON_LIBRARIES = /^(ld-linux|lib(c|m|dl|pthread|rt|stdc\+\+|gcc_s)\.so)/;

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly files?: readonly string[];
}

/**
 * Copies the workspace as it is built, the packages of others that it needs, and the very Node that runs this with the
 * libraries that it needs, to a folder where they run as they do here.
 */
export async function copyWorkspace(to: string): Promise<void> {
  const plugins = (await readdir(join(WORKSPACE, 'plugins'))).map((name) => join('plugins', name));
  const ours = ['core', 'cli', ...plugins];
  const parts = ['package.json', 'jitsu.config.ts', 'examples', 'test/dist', ...ours.flatMap(shipped)];
  const there = parts.filter((name) => existsSync(join(WORKSPACE, name)));
  await mkdir(to, { recursive: true });
  // Some thousand files: cp takes a fraction of the time that Node needs.
  const words = ['-a', '--parents', '--reflink=auto', '-t', to, ...there, ...(await packagesOf(ours))];
  await run('cp', words, { cwd: WORKSPACE });
  await mkdir(join(to, 'node_modules/@jitsud'), { recursive: true });
  for (const name of await readdir(join(WORKSPACE, 'node_modules/@jitsud'))) {
    const target = relative(WORKSPACE, await realpath(join(WORKSPACE, 'node_modules/@jitsud', name)));
    await symlink(join('../..', target), join(to, 'node_modules/@jitsud', name));
  }
  await copyNode(join(to, '.node'));
}

/** What a package of ours consists of when it is published. */
function shipped(name: string): string[] {
  const { files } = JSON.parse(readFileSync(join(WORKSPACE, name, 'package.json'), 'utf8')) as PackageFile;
  return ['package.json', ...(files ?? [])].map((part) => join(name, part));
}

/** The folders, relative to the workspace, of all packages that these need. */
async function packagesOf(folders: readonly string[]): Promise<Iterable<string>> {
  const found = new Set<string>();
  const add = async (name: string, from: string): Promise<void> => {
    const folder = folderOf(name, from);
    if (folder === undefined || found.has(folder) || name.startsWith('@jitsud/')) return;
    found.add(folder);
    for (const needed of await neededBy(folder)) await add(needed, folder);
  };
  for (const folder of folders) for (const name of await neededBy(folder)) await add(name, folder);
  for (const name of TEST_PACKAGES) await add(name, '');
  // A package within another one is copied with that.
  return [...found].filter((path) => ![...found].some((other) => path.startsWith(`${other}/`)));
}

async function neededBy(folder: string): Promise<string[]> {
  const text = await readFile(join(WORKSPACE, folder, 'package.json'), 'utf8').catch(() => '{}');
  const { dependencies, optionalDependencies } = JSON.parse(text) as PackageFile;
  return Object.keys({ ...dependencies, ...optionalDependencies });
}

/** Where Node looks for a package: here, or above. Those for other platforms are nowhere. */
function folderOf(name: string, from: string): string | undefined {
  const path = join(from, 'node_modules', name);
  if (existsSync(join(WORKSPACE, path))) return path;
  return from === '' || from === '.' ? undefined : folderOf(name, dirname(from));
}

async function copyNode(to: string): Promise<void> {
  await mkdir(join(to, 'lib'), { recursive: true });
  await cp(process.execPath, join(to, 'node'), { dereference: true });
  const { stdout } = await run('ldd', [process.execPath]);
  const libraries = Array.from(stdout.matchAll(/=> (\/\S+)/g), ([, path]) => path!);
  for (const path of libraries.filter((each) => !COMMON_LIBRARIES.test(basename(each)))) {
    await cp(path, join(to, 'lib', basename(path)), { dereference: true });
  }
}
