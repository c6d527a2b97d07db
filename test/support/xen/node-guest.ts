import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ArchivedFile } from '../guest/cpio-archive.js';

const WORKSPACE = fileURLToPath(new URL('../../../..', import.meta.url));

/** Where the dynamic loader of x86-64 is looked for. */
const LOADER = 'lib64/ld-linux-x86-64.so.2';

/** What a guest needs to have besides, in MiB. */
export const NODE_GUEST_MEMORY = 448;

/**
 * The files with which a guest runs a program of Node, as `/bin/start`: the very Node that runs this, and all libraries
 * that are loaded here at the moment. When the program ends, however it does, it is started again.
 *
 * @param program what it is, as a module in `/srv`
 * @param folders of the workspace, which are in `/srv` as well
 */
export function nodeGuestFiles(program: string, folders: readonly string[]): readonly ArchivedFile[] {
  const start = `#!/bin/busybox sh
export LD_LIBRARY_PATH=/lib
while :; do /bin/node /srv/program.mjs; echo "the program ended with $?"; busybox sleep 1; done
`;
  const copied = folders.flatMap((folder) => filesIn(join(WORKSPACE, folder), join('srv', folder)));
  const above = new Set(folders.flatMap((folder) => foldersAbove(join('srv', folder))));
  return [
    ...['lib64', ...above].map((path) => ({ path })),
    ...libraries(),
    { path: 'bin/node', content: readFileSync(process.execPath), isExecutable: true },
    { path: 'srv/program.mjs', content: program },
    { path: 'bin/start', content: start, isExecutable: true },
    ...copied,
  ];
}

/** Each by every name that it has in its folder: which one is asked for is known to the loader alone. */
function libraries(): readonly ArchivedFile[] {
  const mapped = Array.from(
    readFileSync('/proc/self/maps', 'utf8').matchAll(/ (\/\S+\.so[.\d]*)$/gm),
    ([, path]) => path!,
  );
  return [...new Set(mapped)].flatMap((path) => {
    const content = readFileSync(path);
    if (basename(path).startsWith('ld-linux')) return [{ path: LOADER, content, isExecutable: true }];
    const names = readdirSync(dirname(path)).filter((name) => isSame(join(dirname(path), name), path));
    return names.map((name) => ({ path: join('lib', name), content, isExecutable: true }));
  });
}

function isSame(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

function foldersAbove(path: string): string[] {
  return path === '.' ? [] : [...foldersAbove(dirname(path)), path];
}

function filesIn(folder: string, to: string): ArchivedFile[] {
  return readdirSync(folder).flatMap((name) => {
    const [from, path] = [join(folder, name), join(to, name)];
    return statSync(from).isDirectory() ? [{ path }, ...filesIn(from, path)] : [{ path, content: readFileSync(from) }];
  });
}
