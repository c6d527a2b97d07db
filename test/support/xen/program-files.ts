import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { ArchivedFile } from '../guest/cpio-archive.js';

const run = promisify(execFile);

/** The dynamic loader of x86-64, where every program looks for it. */
const LOADER = '/lib64/ld-linux-x86-64.so.2';

/** A program of this machine and the libraries that it needs, for a guest: it finds them in `/lib`. */
export async function programFiles(program: string): Promise<readonly ArchivedFile[]> {
  const { stdout } = await run(LOADER, ['--list', program]);
  const libraries = Array.from(stdout.matchAll(/^\s*(\S+) => (\/\S+)/gm), ([, name, path]) => ({
    name: name!,
    path: path!,
  }));
  const needed = libraries.filter(({ name }) => !name.startsWith('/'));
  return [
    { path: 'lib64' },
    await executable(LOADER.slice(1), LOADER),
    await executable(join('bin', basename(program)), program),
    ...(await Promise.all(needed.map(({ name, path }) => executable(join('lib', name), path)))),
  ];
}

async function executable(path: string, file: string): Promise<ArchivedFile> {
  return { path, content: await readFile(file), isExecutable: true };
}
