// Configuring and running Jitsu in a program of one's own: `@jitsud/core`. Plugins stand on `@jitsud/core/plugin`.
export type { InstalledPlugin, Offer, Registry } from './config/load-registry.js';
export type { SettingsRequest } from './config/load-settings.js';
export type { SettingsContext } from './config/read-settings.js';
export { ConfigProblems } from './config/config-problems.js';
export type { ConfigProblem } from './config/config-problems.js';
export type { BackendOptions } from './config/backends.js';
export { defineConfig } from './config/config.js';
export type { ExportedConfig, JitsuConfig } from './config/config.js';
export { describeOptions, describeUnikernelKeys, jsonSchema } from './config/json-schema.js';
export type { OptionDescription } from './config/json-schema.js';
export type { Settings, UnikernelSettings } from './config/settings.js';
export type { AddressFindingBackends, CommonUnikernelConfig, UnikernelConfig } from './config/unikernel.js';
export type { Duration } from './plugin-kit/duration.js';
export type { StartFlags } from './config/start-flags.js';
export type { Clock } from './contracts/clock.js';
export type { CommandTerminal } from './contracts/command.js';
export type { LifecycleEvent, LifecycleEventKind, WakeCause } from './contracts/lifecycle-event.js';
export type { Logger } from './contracts/logger.js';
export type { Milliseconds } from './contracts/milliseconds.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from './errors.js';
export { PLUGIN_API_VERSION } from './plugins/api-version.js';
export { Contributions } from './plugins/contributions.js';
export { defaultControlSocket, defaultRuntimeDirectory } from './control/control-paths.js';
export { ControlClient } from './control/control-client.js';
export type {
  ControlActions,
  FlushReport,
  NameStatus,
  StatusReport,
  UnikernelStatus,
} from './control/status-report.js';
export { createJitsu, Jitsu } from './jitsu.js';
export { exposures } from './dns/admission/exposures.js';
export { loadRegistry, loadSettings, loadStartFlags } from './load.js';
export type { NamedStartFlag } from './plugins/installed-plugins.js';
export { createLogger, type LoggerOptions } from './telemetry/log.js';
export { pluginCommands, type PluginCommand } from './plugin-commands.js';
export { VERSION } from './version.js';
