export type { InstalledPlugin, Offer, Registry } from './config/load-registry.js';
export type { SettingsRequest } from './config/load-settings.js';
export type { SettingsContext } from './config/read-settings.js';
export { ConfigProblems } from './config/config-problems.js';
export type { ConfigProblem } from './config/config-problems.js';
export { duration } from './config/duration.js';
export { defineConfig } from './config/define-config.js';
export type {
  AddressFindingBackends,
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
export type { Settings, UnikernelSettings } from './config/settings.js';
export { unikernelSchema } from './config/unikernel-schema.js';
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
export type { BootConfigurator, BootingDomain } from './contracts/boot-configurator.js';
export type { Command, CommandTerminal } from './contracts/command.js';
export type { LifecycleEvent, LifecycleEventKind, WakeCause } from './contracts/lifecycle-event.js';
export type { Notifier, NotifierStatus } from './contracts/notifier.js';
export type { ReadinessProbe, ReadinessTarget } from './contracts/readiness-probe.js';
export type { DnsAnswer, DnsQuery, Resolver } from './contracts/resolver.js';
export type { ResourceRecord } from './contracts/resource-record.js';
export type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from './contracts/state-store.js';
export type { Activity, NameActivity, StopOpinion, StopPolicy } from './contracts/stop-policy.js';
export type { Logger } from './contracts/logger.js';
export type { Milliseconds } from './contracts/milliseconds.js';
export type { Plugin, PluginRegistry } from './contracts/plugin.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from './errors.js';
export { inject, injectable } from './injection.js';
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
export { commandLine } from './command-line.js';
export { createJitsu, Jitsu } from './jitsu.js';
export { exposures } from './dns/clients/exposures.js';
export { loadRegistry, loadSettings } from './load.js';
export { BackOff } from './lifecycle/back-off.js';
export { PowerWatch } from './lifecycle/power-watch.js';
export { untilAborted } from './lifecycle/until-aborted.js';
export { LmdbStateStore } from './state/lmdb-state-store.js';
export { createLogger, type LoggerOptions } from './telemetry/log.js';
export { TextIndex } from './text-index.js';
export { pluginCommands, type PluginCommand } from './plugin-commands.js';
export { VERSION } from './version.js';
export { definePlugin } from './plugins/define-plugin.js';
export { BOOT_CONFIGURATORS, CLOCK, CONNECTION_NAME, LOGGER, OPTIONS, RUNTIME_DIRECTORY } from './tokens.js';
