import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { StopMode } from '../contracts/machine.js';
import type { BootConfiguratorContribution } from '../contracts/plugin.js';
import type { Notifier } from '../contracts/notifier.js';
import type { Resolver } from '../contracts/resolver.js';
import type { StateStore } from '../contracts/state-store.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import type { ConnectionSettings } from './backends.js';
import type { BootSettings } from './boot.js';
import type { CheckedConfig } from './config.js';
import type { Configured } from './configured.js';
import type { DnsSettings } from './dns.js';
import type { WakeSettings } from './wake.js';
import type { Worded } from './worded-reader.js';

export type { Endpoint } from '../net/endpoint.js';
export type { ConnectionSettings } from './backends.js';
export type { BootSettings } from './boot.js';
export type { Configured } from './configured.js';
export type { CacheSettings, DnsSettings, RateLimitSettings, UpstreamSettings, ZoneSettings } from './dns.js';
export type { WakeSettings } from './wake.js';
export type { Worded } from './worded-reader.js';

export interface UnikernelSettings {
  readonly name: string;
  /** Lower case, no trailing dot; a first label of `*` stands for any name below. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly ttl: Milliseconds;
  /** The connection's name. */
  readonly backend: string;
  /** As the backend's own schema parsed them. */
  readonly options: unknown;
  readonly stopMode: StopMode;
  /** All must be satisfied. */
  readonly ready: readonly Worded<ReadinessProbe>[];
  /** A fixed pause after boot and probes. */
  readonly delay: Milliseconds;
  /** How long a summon may take. */
  readonly deadline: Milliseconds;
  /** How long a guest may take to stop by itself before it is destroyed. */
  readonly grace: Milliseconds;
  readonly stopPolicies: readonly Worded<StopPolicy>[];
  /** What its keys that plugins have added became; one empty object for all that have none. */
  readonly addedKeys: Readonly<Record<string, unknown>>;
  /** The data of its HTTPS and SVCB records (RFC 9460, 2.2). */
  readonly https: readonly Uint8Array[];
  readonly svcb: readonly Uint8Array[];
}

/** The whole configuration, checked, with every default filled in. */
export interface Settings {
  /** The file it came from, where there was one. */
  readonly file?: string;
  readonly dns: DnsSettings;
  readonly wake: WakeSettings;
  readonly boot: BootSettings;
  /** What happens to running unikernels when Jitsu ends in order. */
  readonly onExit: CheckedConfig['stop']['onExit'];
  readonly stateStore: Configured<StateStore>;
  /** Where the durable store lies, for people. */
  readonly persistDb?: string;
  /** Where the control socket lies. */
  readonly controlSocket: string;
  readonly runtimeDirectory: string;
  readonly logLevel: CheckedConfig['log']['level'];
  readonly connections: readonly ConnectionSettings[];
  readonly unikernels: readonly UnikernelSettings[];
  readonly notifiers: readonly Configured<Notifier>[];
  readonly resolvers: readonly Configured<Resolver>[];
  readonly bootConfigurators: readonly BootConfiguratorContribution[];
}
