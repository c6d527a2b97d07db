import { resolve } from 'node:path';
import { errorCode, errorMessage } from '../errors.js';
import { Contributions } from '../plugins/contributions.js';
import { installedPlugins, startFlagsOf, type NamedStartFlag } from '../plugins/installed-plugins.js';
import { CORE_FOLDER } from '../plugins/module-folders.js';
import { PluginLoader } from '../plugins/plugin-loader.js';
import type { PluginPackage } from '../plugins/plugin-package.js';
import { COMMON_KEYS } from './unikernel.js';
import type { SettingsContext } from './read-settings.js';

/** A contribution of a plugin or of Jitsu itself. */
export interface Offer {
  /** `backend`, `readiness probe`, `stop policy`, `notifier`, `resolver`, `state store`, `boot configurator` or `command`. */
  readonly kind: string;
  readonly name: string;
  /** Empty for a boot configurator. */
  readonly description: string;
}

/** An installed plugin, usable or not. */
export interface InstalledPlugin extends Omit<PluginPackage, 'manifest'> {
  readonly offers: readonly Offer[];
  /** The reason why it cannot be used. */
  readonly error?: { readonly code?: string; readonly message: string };
}

export interface Registry {
  /** The contributions of Jitsu itself and of all usable plugins. */
  readonly contributions: Contributions;
  readonly builtIns: readonly Offer[];
  readonly plugins: readonly InstalledPlugin[];
  readonly startFlags: readonly NamedStartFlag[];
}

/**
 * Loads every plugin that is installed for a folder or beside the core, for `jitsu plugins` and `jitsu --help`. A
 * broken plugin is reported in its place and does not affect the others.
 */
export async function loadRegistry(
  { directory }: { readonly directory: string },
  { registerBuiltins, pluginPlaces = [] }: Pick<SettingsContext, 'registerBuiltins' | 'pluginPlaces'>,
): Promise<Registry> {
  const contributions = new Contributions(COMMON_KEYS);
  contributions.register('Jitsu itself', registerBuiltins);
  const ownOffers = offersOf('Jitsu itself', contributions);
  const places = [resolve(directory), CORE_FOLDER, ...pluginPlaces];
  const loader = new PluginLoader(contributions, places);
  const plugins: InstalledPlugin[] = [];
  const { plugins: installed, refused } = await installedPlugins(places);
  for (const found of installed) {
    const { manifest: _, ...plugin } = found;
    try {
      await loader.loadFound(found);
      plugins.push({ ...plugin, offers: offersOf(found.name, contributions) });
    } catch (error) {
      const code = errorCode(error);
      plugins.push({
        ...plugin,
        offers: [],
        error: { message: errorMessage(error), ...(code !== undefined && { code }) },
      });
    }
  }
  for (const { manifest: _, reason, ...plugin } of refused) {
    const message = `Root does not take the plugin ${plugin.name}: ${reason}`;
    plugins.push({ ...plugin, offers: [], error: { code: 'JITSU_PLUGIN_UNSAFE', message } });
  }
  plugins.sort((a, b) => a.name.localeCompare(b.name));
  return { contributions, builtIns: ownOffers, plugins, startFlags: startFlagsOf(installed) };
}

/** The `jitsu start` flags that installed plugins declare. No plugin is imported. */
export async function loadStartFlags(
  { directory }: { readonly directory: string },
  { pluginPlaces = [] }: Pick<SettingsContext, 'pluginPlaces'>,
): Promise<readonly NamedStartFlag[]> {
  return startFlagsOf((await installedPlugins([resolve(directory), CORE_FOLDER, ...pluginPlaces])).plugins);
}

function offersOf(owner: string, contributions: Contributions): readonly Offer[] {
  const { backends, readinessProbes, stopPolicies, activitySources, doormen, notifiers, resolvers } = contributions;
  const { stateStores, bootConfigurators, commands } = contributions;
  return [
    backends,
    readinessProbes,
    stopPolicies,
    activitySources,
    doormen,
    notifiers,
    resolvers,
    stateStores,
    bootConfigurators,
    commands,
  ].flatMap((contributed) =>
    contributed
      .all()
      .filter(({ name }) => contributed.ownerOf(name) === owner)
      .map((contribution) => ({
        kind: contributed.kind,
        name: contribution.name,
        description: 'description' in contribution ? contribution.description : '',
      })),
  );
}
