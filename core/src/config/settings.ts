import type { Milliseconds } from '../contracts/milliseconds.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { StopMode } from '../contracts/machine.js';
import type {
  BackendContribution,
  BootConfiguratorContribution,
  ConfiguredContribution,
  WordedContribution,
} from '../contracts/plugin.js';
import type { Notifier } from '../contracts/notifier.js';
import type { Resolver } from '../contracts/resolver.js';
import type { StopPolicy } from '../contracts/stop-policy.js';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** A server that queries are forwarded to. */
export interface UpstreamSettings extends Endpoint {
  /** `udp`, with TCP for what is cut, where absent. */
  readonly transport?: 'udp' | 'tcp' | 'tls';
  /** Over TLS, the name that its certificate must have; the address must be in it where absent (RFC 8310). */
  readonly name?: string;
}

export interface ZoneSettings {
  readonly name: string;
  /** Whether a name below it that is no unikernel's gets NXDOMAIN instead of being forwarded. */
  readonly authoritative: boolean;
}

/** What is remembered of forwarded answers. */
export interface CacheSettings {
  /** In bytes; 0 keeps nothing. */
  readonly size: number;
  readonly longestTtl: Milliseconds;
  readonly negativeTtl: Milliseconds;
  readonly failureTtl: Milliseconds;
  /** How long an answer serves beyond its TTL while no upstream answers. */
  readonly stale: Milliseconds;
  readonly prefetch: boolean;
}

/** A limit for responses over UDP to sources that may be forged. */
export interface RateLimitSettings {
  /** For one network (IPv4 /24, IPv6 /56); 0 for no limit. */
  readonly perSecond: number;
  /** Each how many-th response above the limit is cut instead of dropped; 0 for none. */
  readonly slip: number;
  /** As ADDRESS/LENGTH. */
  readonly exempt: readonly string[];
}

export interface DnsSettings {
  /** `auto`: many datagrams at a time where that can be had. */
  readonly transport: 'auto' | 'dgram' | 'mmsg';
  /** Threads that take datagrams by mmsg, for each address. */
  readonly workers: number;
  /** Whose queries are answered, as ADDRESS/LENGTH. */
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly rateLimit: RateLimitSettings;
  readonly cache: CacheSettings;
  /** Which of the healthy forwarders is asked first. */
  readonly forwardOrder: 'sequential' | 'round-robin' | 'random';
  /** Domains that are never forwarded. */
  readonly forwardExcept: readonly string[];
  /** A PEM file with the authorities for `tls://` forwarders; those of Node where absent. */
  readonly forwardCertificates?: string;
  /** For whom other names are forwarded, as ADDRESS/LENGTH. */
  readonly allowForwarding: readonly string[];
  readonly bind: readonly string[];
  /** 0 picks a free one. */
  readonly port: number;
  /** The TTL of zone records. */
  readonly ttl: Milliseconds;
  /** `system`: those of /etc/resolv.conf; `off`: no forwarding. */
  readonly forwarders: readonly UpstreamSettings[] | 'system' | 'off';
  /** The port of the system's forwarders. */
  readonly forwarderPort: number;
  /** How long to wait for one upstream before the next is asked. */
  readonly forwardTimeout: Milliseconds;
  readonly zones: readonly ZoneSettings[];
  readonly limits: {
    /** Queries that wait for their answer, over all transports. */
    readonly pendingQueries: number;
    /** Queries that wait for an upstream. */
    readonly forwardedQueries: number;
    readonly tcpConnections: number;
    readonly tcpConnectionsPerClient: number;
    readonly tcpIdle: Milliseconds;
  };
}

/** Whose queries may boot a unikernel. */
export interface WakeSettings {
  readonly proof: 'none' | 'cookie-or-tcp';
  /** Who needs no proof; this and the next two as ADDRESS/LENGTH. */
  readonly trusted: readonly string[];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly types: readonly ('A' | 'AAAA' | 'HTTPS' | 'SVCB')[];
  /** Spans of the day in local time, such as `07:00-22:30`; always where empty. */
  readonly hours: readonly string[];
  /** 0 for no limit. */
  readonly budget: { readonly perClient: number; readonly perPrefix: number; readonly interval: Milliseconds };
}

export interface BootSettings {
  /** How many unikernels may boot at once. */
  readonly limit: number;
  /** How many may wait for their turn. */
  readonly queue: number;
  /** The pause after the first failure; it doubles with each further one. */
  readonly firstBackOff: Milliseconds;
  readonly longestBackOff: Milliseconds;
}

/** A probe or policy as written (`tcp:8080`), with its contribution and its parsed argument. */
export interface Worded<T> {
  readonly words: string;
  readonly contribution: WordedContribution<T>;
  readonly options: unknown;
}

export interface Configured<T> {
  readonly contribution: ConfiguredContribution<T>;
  readonly options: unknown;
}

/** A connection to a virtualisation system. */
export interface ConnectionSettings {
  readonly name: string;
  readonly contribution: BackendContribution;
  readonly options: unknown;
}

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
  /** A notifier may leave out a unikernel for which this is false. */
  readonly useSynjitsu: boolean;
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
  readonly onExit: 'keep' | 'stop';
  /** Where the durable store lies; in memory where absent. */
  readonly persistDb?: string;
  /** Where the control socket lies. */
  readonly controlSocket: string;
  readonly runtimeDirectory: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly connections: readonly ConnectionSettings[];
  readonly unikernels: readonly UnikernelSettings[];
  readonly notifiers: readonly Configured<Notifier>[];
  readonly resolvers: readonly Configured<Resolver>[];
  readonly bootConfigurators: readonly BootConfiguratorContribution[];
}
