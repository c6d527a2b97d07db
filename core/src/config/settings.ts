import type { ActivitySource } from '../contracts/activity-source.js';
import type { Doorman } from '../contracts/doorman.js';
import type { ServicePort, UseRules } from '../contracts/service-endpoints.js';
import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { StopMode } from '../contracts/machine.js';
import type { BootConfiguratorContribution } from '../contracts/plugin.js';
import type { Notifier } from '../contracts/notifier.js';
import type { Resolver } from '../contracts/resolver.js';
import type { StateStore } from '../contracts/state-store.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import type { AwakeSpan } from './awake-hours.js';
import type { BootSettings } from './boot.js';
import type { CheckedConfig } from './config.js';
import type { Needing } from './need-problems.js';
import type { Configured, ConnectionSettings } from './contributed-settings.js';
import type { DnsSettings } from './dns.js';
import type { RelayedPort, RelaySettings } from './relay.js';
import type { KeepWhile } from './keep-while.js';
import type { WakeSettings, WakeTrigger } from './wake.js';
import type { Worded } from './worded-reader.js';

export type { BootSettings } from './boot.js';
export type { Configured, ConnectionSettings } from './contributed-settings.js';
export type { CacheSettings, DnsSettings, RateLimitSettings, UpstreamSettings, ZoneSettings } from './dns.js';
export type { WakeSettings } from './wake.js';
export type { Worded } from './worded-reader.js';

/** The unikernels beside one that is read while Jitsu runs. */
export interface OtherUnikernels {
  has(name: string): boolean;
  names(): Iterable<string>;
  hasGroup(group: string): boolean;
  /** Those that need others. */
  readonly needing: readonly Needing[];
}

/**
 * Checks one unikernel as those of the configuration are checked, and fills in all defaults.
 * @throws JITSU_CONFIG_INVALID, as a `ConfigProblems` with all problems
 */
export type ReadUnikernel = (written: unknown, others: OtherUnikernels) => Promise<UnikernelSettings>;

export interface UnikernelSettings {
  readonly name: string;
  /** Lower case, no trailing dot; a first label of `*` matches any name below. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  /** The name of the connection. */
  readonly backend: string;
  /** The options as parsed by the backend's schema. */
  readonly options: unknown;
  readonly stopMode: StopMode;
  /** When it is replaced if it runs by an earlier definition: once it is not used any more, or at once. */
  readonly replace: 'idle' | 'now';
  /** The readiness probes, all of which must succeed. */
  readonly ready: readonly Worded<ReadinessProbe>[];
  /** A fixed pause after boot and probes, before the response. */
  readonly delay: Milliseconds;
  /** The maximum duration of a summon. */
  readonly deadline: Milliseconds;
  /** How long a guest may take to shut down before it is destroyed. */
  readonly grace: Milliseconds;
  /** Whether its address is given before it is ready, as long as its first packets are held. */
  readonly answersAtOnce: boolean;
  /** What wakes it while they are held. */
  readonly wakesOn: WakeTrigger;
  /** The interval at which its service is looked at again while it is used; never where undefined. */
  readonly watch: Milliseconds | undefined;
  readonly stopPolicies: readonly Worded<StopPolicy>[];
  /** The hours in which it is not stopped once it runs. */
  readonly awake: readonly AwakeSpan[] | undefined;
  /** The command that is asked whether it is to be kept when all else would stop it. */
  readonly keepWhile: KeepWhile | undefined;
  /** The ports that are its service, as configured; those of its probes where empty. */
  readonly ports: readonly ServicePort[];
  /** What counts as use; one object for all unikernels with the same rules. */
  readonly useRules: UseRules;
  /** The ports that are relayed to it; one shared empty list for all unikernels without any. */
  readonly relays: readonly RelayedPort[];
  /** The parsed keys that plugins have added; one shared empty object for all unikernels without any. */
  readonly addedKeys: Readonly<Record<string, unknown>>;
  /** The names of the unikernels that have to be ready before it boots, without duplicates; absent without any. */
  readonly needs?: readonly string[] | undefined;
  /** The group with which it is woken and stopped. */
  readonly group?: string | undefined;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2). */
  readonly https: readonly Uint8Array[];
  readonly svcb: readonly Uint8Array[];
}

/** The whole checked configuration with all defaults filled in. */
export interface Settings {
  /** The path of the configuration file, if there is one. */
  readonly file?: string;
  readonly dns: DnsSettings;
  readonly wake: WakeSettings;
  readonly boot: BootSettings;
  readonly relay: RelaySettings;
  /** What happens to running unikernels at an orderly shutdown. */
  readonly onExit: CheckedConfig['stop']['onExit'];
  /** How what is in no configuration any more is stopped by command; by its backend's usual mode where that is absent. */
  readonly usualStop: Pick<CheckedConfig['stop'], 'mode' | 'grace'>;
  readonly stateStore: Configured<StateStore>;
  /** Whether a start ends where the state store cannot be opened. */
  readonly stateRequired: boolean;
  /** The folder of the durable store, for messages. */
  readonly statePath?: string;
  /** The path of the control socket. */
  readonly controlSocket: string;
  readonly runtimeDirectory: string;
  readonly privileges: CheckedConfig['privileges'];
  /** The files by which the plugins were loaded. */
  readonly pluginFiles: readonly string[];
  readonly logLevel: CheckedConfig['log']['level'];
  readonly logFormat: CheckedConfig['log']['format'];
  readonly connections: readonly ConnectionSettings[];
  readonly unikernels: readonly UnikernelSettings[];
  /** Reads one more while Jitsu runs. */
  readonly readUnikernel: ReadUnikernel;
  readonly activitySources: readonly Configured<ActivitySource>[];
  readonly doormen: readonly Configured<Doorman>[];
  readonly notifiers: readonly Configured<Notifier>[];
  readonly resolvers: readonly Configured<Resolver>[];
  readonly bootConfigurators: readonly BootConfiguratorContribution[];
  /** A sentence for each plugin that was passed over, since somebody else could have written it. Absent without any. */
  readonly passedOver?: readonly string[];
}
