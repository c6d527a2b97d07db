import {
  loadRegistry as loadRegistryWith,
  loadStartFlags as loadStartFlagsWith,
  type Registry,
} from './config/load-registry.js';
import { loadSettings as loadSettingsWith, type SettingsRequest } from './config/load-settings.js';
import type { SettingsContext } from './config/read-settings.js';
import type { Settings } from './config/settings.js';
import { defaultControlSocket, defaultRuntimeDirectory } from './control/control-paths.js';
import { builtins } from './builtins/builtins.js';

const context: SettingsContext = {
  registerBuiltins: (registry) => builtins.register(registry),
  runtimeDirectory: defaultRuntimeDirectory,
  controlSocket: defaultControlSocket,
};

/**
 * Finds the configuration, checks it together with the words and flags of a command line, and fills in every default.
 * Plugins are looked for from the configuration's folder, from the core's, and from `pluginPlaces`.
 * @throws JITSU_CONFIG_NOT_FOUND, JITSU_CONFIG_UNREADABLE, and JITSU_CONFIG_INVALID with every problem in one go
 */
export function loadSettings(request: SettingsRequest, pluginPlaces: readonly string[] = []): Promise<Settings> {
  return loadSettingsWith(request, { ...context, pluginPlaces });
}

/** Brings in every plugin that is installed for a folder or beside the core. */
export function loadRegistry(
  request: { readonly directory: string },
  pluginPlaces: readonly string[] = [],
): Promise<Registry> {
  return loadRegistryWith(request, { ...context, pluginPlaces });
}

/** The flags of `jitsu start` that plugins declare which are installed for a folder or beside the core. */
export function loadStartFlags(
  request: { readonly directory: string },
  pluginPlaces: readonly string[] = [],
): Promise<Registry['startFlags']> {
  return loadStartFlagsWith(request, { pluginPlaces });
}
