import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where this core is installed: its dependencies, and often the plugins, lie beside it. */
export const CORE_FOLDER = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The folders that Node searches for packages, from each place upwards, without repetition. */
export function moduleFolders(places: readonly string[]): readonly string[] {
  const folders = new Set<string>();
  for (const place of places) {
    for (let folder = place, above = ''; folder !== above; above = folder, folder = dirname(folder)) {
      if (basename(folder) !== 'node_modules') folders.add(join(folder, 'node_modules'));
      if (dirname(folder) === folder) break;
    }
  }
  return [...folders];
}
