// What a plugin stands on: the contracts, errors, tokens and the plugin kit. `@jitsud/core/plugin`.
export type { ActivitySource, Traffic } from './contracts/activity-source.js';
export type { Backend, BackendCapabilities, PowerChange, Registration, Stray } from './contracts/backend.js';
export type {
  Execution,
  HeldListener,
  Machine,
  MachineDescription,
  MachineId,
  OutdatedDefinition,
  PowerState,
  StopMode,
} from './contracts/machine.js';
export type { BootConfigurator, BootingDomain } from './contracts/boot-configurator.js';
export type { Clock } from './contracts/clock.js';
export type { ControlLimits } from './contracts/control-limits.js';
export type { Command, CommandTerminal } from './contracts/command.js';
export type { ArmedService, Doorman, Knock, KnockVerdict } from './contracts/doorman.js';
export type { LifecycleEvent, LifecycleEventKind } from './contracts/lifecycle-event.js';
export type { Logger } from './contracts/logger.js';
export type { Milliseconds } from './contracts/milliseconds.js';
export type { Notifier, NotifierStatus } from './contracts/notifier.js';
export type { Plugin, PluginRegistry } from './contracts/plugin.js';
export type { ReadinessProbe, ReadinessTarget } from './contracts/readiness-probe.js';
export type { DnsAnswer, DnsQuery, Resolver } from './contracts/resolver.js';
export type { ResourceRecord } from './contracts/resource-record.js';
export type { ServiceEndpoints, ServicePort, UseRules } from './contracts/service-endpoints.js';
export type {
  Exit,
  Launch,
  Launchable,
  LaunchSocket,
  LiveChild,
  ProgramSignal,
  Spawner,
  Variables,
} from './contracts/spawner.js';
export type { HistoryQuery, StateStore, StoredCounters, StoredRegistration } from './contracts/state-store.js';
export type { Activity, NameActivity, StopOpinion, StopPolicy } from './contracts/stop-policy.js';
export { SystemClock } from './clock.js';
export { errorCode, errorMessage, JitsuError, type JitsuErrorCode } from './errors.js';
export { withoutByteOrderMark } from './files/byte-order-mark.js';
export { parseAccounts, parseGroups } from './files/accounts.js';
export { readOwnFile } from './files/read-file.js';
export { makeOwnFolder } from './files/own-folders.js';
export { makeSafeFolder } from './files/safe-folder.js';
export { replaceFile, writeNewFile } from './files/write-file.js';
export { addressBytes, addressText } from './net/address-bytes.js';
export { isOwnProbe } from './net/own-probes.js';
export { Networks } from './net/networks.js';
export { duration } from './plugin-kit/duration.js';
export type { AddressFindingBackends, BackendOptions, UnikernelKeys } from './config/unikernel.js';
export { BackOff } from './plugin-kit/back-off.js';
export { inheritedEnvironment, minimalEnvironment } from './plugin-kit/child-environment.js';
export { byteSize } from './plugin-kit/byte-size.js';
export { commandLine } from './plugin-kit/command-line.js';
export { CountedTraffic, packetThreshold } from './plugin-kit/counted-traffic.js';
export { ControlGroups, type Controller, type ControlGroupFolder } from './plugin-kit/control-groups.js';
export { FileWatch } from './plugin-kit/file-watch.js';
export { findTool } from './plugin-kit/find-tool.js';
export { forkChild, spawnChild } from './plugin-kit/fork-child.js';
export { MessageStream } from './plugin-kit/message-stream.js';
export { nativePackageAdvice } from './plugin-kit/native-package-advice.js';
export { pollUntil } from './plugin-kit/poll-until.js';
export { netlinkAttribute, netlinkAttributes } from './plugin-kit/netlink-messages.js';
export { NetlinkSocket } from './plugin-kit/netlink-socket.js';
export { PowerWatch } from './plugin-kit/power-watch.js';
export { Reconnecting } from './plugin-kit/reconnecting.js';
export { requiredText, uuid } from './plugin-kit/text-options.js';
export { sendSignal } from './plugin-kit/send-signal.js';
export { ProcessEnds } from './plugin-kit/process-ends.js';
export { SpawnLedger } from './plugin-kit/spawn-ledger.js';
export { stableUuid } from './plugin-kit/stable-uuid.js';
export { systemCommand } from './plugin-kit/system-command.js';
export { untilAborted } from './plugin-kit/until-aborted.js';
export { definePlugin } from './plugins/define-plugin.js';
export { inject, optionsOf } from './plugins/injection.js';
export { BOOT_CONFIGURATORS, CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY, SPAWNER } from './plugins/tokens.js';
// One zod for all: a plugin that brings one of its own pays for loading it.
export { z } from 'zod';
