import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The pages whose code blocks are packages of plugins, as their readers would write them. */
export const PAGES = ['docs/writing-a-plugin.md', 'docs/writing-a-backend.md'];

/**
 * Writes the code blocks that name a file (```` ```ts file=PATH ````) as that file.
 *
 * @param {string} repository where the pages are
 * @param {string} destination a folder
 * @returns {string[]} the names of the packages, each of which is a folder of the destination
 */
export function writePagePackages(repository, destination) {
  const packages = new Set();
  for (const page of PAGES) {
    for (const [, path, content] of readFileSync(join(repository, page), 'utf8').matchAll(
      /^```\w+ file=(\S+)\n(.*?)^```$/gms,
    )) {
      const file = join(destination, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      packages.add(path.split('/')[0]);
    }
  }
  return [...packages];
}
