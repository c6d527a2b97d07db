// `@jitsud/core/control`, the client of a running Jitsu. It loads a few files, where `@jitsud/core` loads all of Jitsu.
import type { PluginPackage } from '../plugins/plugin-package.js';

export { preferredConfig } from '../config/config-places.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from '../errors.js';
export { ControlClient } from './control-client.js';
export { defaultControlSocket } from './control-paths.js';
export { recordRunning, runningJitsus, type RuntimeRecord } from './runtime-records.js';
export { moduleFolders } from '../plugins/module-folders.js';
export { surviveTerminals } from '../plugin-kit/survive-terminals.js';
export { isJournal } from '../telemetry/is-journal.js';
export type { PluginPackage } from '../plugins/plugin-package.js';
export type { GroupReport, NameStatus, StatusReport, UnikernelStatus } from './status-report.js';

/** The plugins installed for these folders, as described by their package.json. No plugin is imported. */
export async function installedPlugins(places: readonly string[]): Promise<readonly PluginPackage[]> {
  // Imported on demand, since of the commands that use this module only the help needs it.
  const plugins = await import('../plugins/installed-plugins.js');
  return (await plugins.installedPlugins(places)).plugins;
}
