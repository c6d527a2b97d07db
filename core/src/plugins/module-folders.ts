import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the installed core; its dependencies, and often the plugins, are installed beside it. */
export const CORE_FOLDER = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The folders that Node searches for packages, from each place upwards, without duplicates. */
export function moduleFolders(places: readonly string[]): readonly string[] {
  const folders = places.flatMap(withFoldersAbove).filter((folder) => basename(folder) !== 'node_modules');
  return [...new Set(folders.map((folder) => join(folder, 'node_modules')))];
}

function withFoldersAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...withFoldersAbove(above)];
}
