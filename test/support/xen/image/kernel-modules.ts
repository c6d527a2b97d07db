import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { unpack } from './unpack.js';

/** A kernel module, not packed. */
export interface KernelModule {
  readonly name: string;
  readonly content: Buffer;
}

/**
 * Modules of a kernel and all that they need, each after those that it needs, so that `insmod` takes them in this
 * order. What is built into the kernel is left out.
 */
export async function modulesInOrder(files: readonly string[], names: readonly string[]): Promise<KernelModule[]> {
  const paths = new Map(files.filter(isModule).map((path) => [nameOf(path), path]));
  const builtIn = files.find((path) => basename(path) === 'modules.builtin');
  const built = new Set(builtIn === undefined ? [] : (await readFile(builtIn, 'utf8')).split('\n').map(nameOf));
  const modules = new Map<string, KernelModule>();
  const add = async (written: string): Promise<void> => {
    const name = nameOf(written);
    if (modules.has(name) || built.has(name)) return;
    const path = paths.get(name);
    if (path === undefined) throw new Error(`the kernel has no module ${name}`);
    const file = await readFile(path);
    const content = path.endsWith('.xz') ? await unpack(file) : file;
    for (const needed of neededBy(content)) await add(needed);
    modules.set(name, { name, content });
  };
  for (const name of names) await add(name);
  return [...modules.values()];
}

/** Its own word on that, from the section .modinfo: `depends=jbd2,mbcache` between two zero bytes. */
function neededBy(content: Buffer): string[] {
  const start = content.indexOf('\0depends=') + '\0depends='.length;
  const names = content.toString('latin1', start, content.indexOf(0, start));
  return names.split(',').filter((name) => name !== '');
}

function isModule(path: string): boolean {
  return /\.ko(\.xz)?$/.test(path);
}

function nameOf(path: string): string {
  return basename(path)
    .replace(/\.ko(\.xz)?$/, '')
    .replaceAll('-', '_');
}
