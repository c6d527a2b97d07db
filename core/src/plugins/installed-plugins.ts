import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { distrustPlace } from './distrust-module.js';
import { moduleFolders } from './module-folders.js';
import type { StartFlag } from './plugin-manifest.js';
import { readPluginPackage, type PluginPackage } from './plugin-package.js';

/** A flag of `jitsu start` that an installed plugin declares. */
export interface NamedStartFlag extends StartFlag {
  readonly name: string;
}

/** A plugin of somebody else, which root does not take. */
export interface RefusedPlugin extends PluginPackage {
  /** Why, in whole sentences. */
  readonly reason: string;
}

/** What is installed, each sorted by name; of several with the same name, the nearest. */
export interface Installed {
  readonly plugins: readonly PluginPackage[];
  /** For root, what is not considered, and so hides no other plugin. */
  readonly refused: readonly RefusedPlugin[];
}

/**
 * Every installed package with the keyword `jitsu-plugin`. Packages whose package.json cannot be read are skipped, since
 * they may not be plugins at all.
 *
 * @param places the folders where the search starts
 */
export async function installedPlugins(places: readonly string[]): Promise<Installed> {
  const found = new Map<string, PluginPackage>();
  const refused = new Map<string, RefusedPlugin>();
  for (const modules of moduleFolders(places)) {
    const packages = await Promise.all(
      (await packageFolders(modules)).map((folder) => readPluginPackage(folder, 'by keyword').catch(() => undefined)),
    );
    for (const plugin of packages) {
      if (plugin === undefined) continue;
      const reason = distrustPlugin(plugin);
      if (reason !== undefined) refused.set(plugin.name, refused.get(plugin.name) ?? { ...plugin, reason });
      else if (!found.has(plugin.name)) found.set(plugin.name, plugin);
    }
  }
  const sorted = <T extends PluginPackage>(plugins: ReadonlyMap<string, T>): readonly T[] =>
    [...plugins.values()].sort((a, b) => a.name.localeCompare(b.name));
  return { plugins: sorted(found), refused: sorted(refused) };
}

/** What its manifest says is followed, and its entry imported. */
function distrustPlugin({ folder, entry }: PluginPackage): string | undefined {
  return distrustPlace(join(folder, 'package.json')) ?? (existsSync(entry) ? distrustPlace(entry) : undefined);
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
