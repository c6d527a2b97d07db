export { loadRegistry } from './config/load-registry.js';
export type { InstalledPlugin, Offer, Registry } from './config/load-registry.js';
export { loadSettings } from './config/load-settings.js';
export type { SettingsRequest } from './config/load-settings.js';
export type { SettingsContext } from './config/read-settings.js';
export { ConfigProblems } from './config/config-problems.js';
export type { ConfigProblem } from './config/config-problems.js';
export { defineConfig } from './config/define-config.js';
export type {
  BackendOptions,
  CommonUnikernelConfig,
  Duration,
  ExportedConfig,
  JitsuConfig,
  UnikernelConfig,
} from './config/jitsu-config.js';
export { jsonSchema } from './config/json-schema.js';
export { describeOptions } from './config/option-description.js';
export type { OptionDescription } from './config/option-description.js';
export type { Settings } from './config/settings.js';
export type { StartFlags } from './config/start-flags.js';
export type {
  Backend,
  BackendCapabilities,
  PowerChange,
  PowerState,
  Registration,
  StopMode,
  UnikernelDescription,
  UnikernelId,
} from './contracts/backend.js';
export type { Clock } from './contracts/clock.js';
export type { Logger } from './contracts/logger.js';
export type { Milliseconds } from './contracts/milliseconds.js';
export type { Plugin, PluginRegistry } from './contracts/plugin.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from './errors.js';
export { inject, injectable } from './injection.js';
export { PLUGIN_API_VERSION } from './plugins/api-version.js';
export { Contributions } from './plugins/contributions.js';
export { definePlugin } from './plugins/define-plugin.js';
export { CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY } from './tokens.js';
export { createLogger, type LoggerOptions } from './telemetry/log.js';
export { ControlClient } from './control/control-client.js';
export { defaultControlSocket, defaultRuntimeDirectory } from './control/control-paths.js';
export type { NameStatus, StatusReport, UnikernelStatus } from './control/status-report.js';
export type { LifecycleEvent, WakeCause } from './contracts/lifecycle-event.js';
export { registerBuiltIns } from './lifecycle/built-ins.js';
export { unikernelSchema } from './config/unikernel-schema.js';
export type { UnikernelSettings } from './config/settings.js';
