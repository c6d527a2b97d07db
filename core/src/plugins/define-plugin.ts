import type { Plugin } from '../contracts/plugin.js';

/**
 * Types a plugin's definition, which is the default export of the plugin's package.
 *
 * ```ts
 * export default definePlugin({
 *   name: 'sleeper',
 *   apiVersion: '^1.0.0',
 *   register(registry) {
 *     registry.backend({ name: 'sleeper', useClass: SleeperBackend, description: 'Sleeps', unikernel: z.object({}) });
 *   },
 * });
 * ```
 */
export function definePlugin(plugin: Plugin): Plugin {
  return plugin;
}
