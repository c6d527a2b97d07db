import type { ExportedConfig } from './jitsu-config.js';

/**
 * Gives a configuration its types, and with them completion in an editor.
 *
 * ```ts
 * export default defineConfig({
 *   unikernels: [{ name: 'hello', dns: 'hello.jitsu.test', ip: '127.0.0.80', backend: 'process', command: ['node', 'x.js'] }],
 * });
 * ```
 */
export function defineConfig(config: ExportedConfig): ExportedConfig {
  return config;
}
