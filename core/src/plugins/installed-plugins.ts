import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { moduleFolders } from './module-folders.js';
import type { StartFlag } from './plugin-manifest.js';
import { readPluginPackage, type PluginPackage } from './plugin-package.js';

/** A flag of `jitsu start` that an installed plugin declares. */
export interface NamedStartFlag extends StartFlag {
  readonly name: string;
}

/**
 * Every installed package with the keyword `jitsu-plugin`, sorted by name; of several with the same name, the nearest.
 * Packages whose package.json cannot be read are skipped, since they may not be plugins at all.
 *
 * @param places the folders where the search starts
 */
export async function installedPlugins(places: readonly string[]): Promise<readonly PluginPackage[]> {
  const found = new Map<string, PluginPackage>();
  for (const modules of moduleFolders(places)) {
    const packages = await Promise.all(
      (await packageFolders(modules)).map((folder) => readPluginPackage(folder, 'by keyword').catch(() => undefined)),
    );
    for (const plugin of packages) {
      if (plugin !== undefined && !found.has(plugin.name)) found.set(plugin.name, plugin);
    }
  }
  return [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
}

/** The `jitsu start` flags that the plugins declare. */
export function startFlagsOf(plugins: readonly PluginPackage[]): readonly NamedStartFlag[] {
  return plugins.flatMap(({ manifest: { startFlags = {} } }) =>
    Object.entries(startFlags).map(([name, flag]) => ({ ...flag, name })),
  );
}

async function packageFolders(modules: string): Promise<readonly string[]> {
  const names = (await namesIn(modules)).filter((name) => !name.startsWith('.'));
  const nested = await Promise.all(
    names.map(async (name) =>
      name.startsWith('@')
        ? (await namesIn(join(modules, name))).map((inner) => join(modules, name, inner))
        : [join(modules, name)],
    ),
  );
  return nested.flat();
}

function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
