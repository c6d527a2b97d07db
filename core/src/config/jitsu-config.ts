/** Seconds (`0.5`), or text with a unit: `'500ms'`, `'2s'`, `'5m'`, `'1h'`, `'1d'`. */
export type Duration = number | string;

/** `'192.0.2.0/24'`, an address, or `'loopback'`, `'private'` or `'any'`; one or a list. */
export type Networks = string | readonly string[];

/**
 * The options of each backend's unikernels, for completion in editors. A plugin adds its own:
 *
 * ```ts
 * declare module '@jitsud/core/plugin' {
 *   interface BackendOptions {
 *     sleeper: { readonly seconds: number };
 *   }
 * }
 * ```
 */
export interface BackendOptions {}

/** The backends whose unikernels may do without `ip`, since they find out the addresses; a plugin adds its own. */
export interface AddressFindingBackends {}

/** The keys that every unikernel has. */
export interface CommonUnikernelConfig {
  /** Its name in Jitsu and, for most backends, in the virtualisation system. */
  readonly name?: string;
  /** The DNS name or names that summon it; `*.example.org` stands for every name below example.org. */
  readonly dns: string | readonly string[];
  /** Its address or addresses, IPv4 or IPv6. */
  readonly ip: string | readonly string[];
  /** When its service answers, as `probe:argument`: `'http:8080/healthz'`. Of a list, all must be satisfied. */
  readonly ready?: string | readonly string[];
  /** How long an answer may be kept; it stops after twice this time without a query. Overrides `dns.ttl`. */
  readonly ttl?: Duration;
  /** How to stop it. Overrides `stop.mode`. */
  readonly mode?: 'destroy' | 'shutdown' | 'suspend' | (string & {});
  /** A pause after boot and probes, before the answer. */
  readonly responseDelay?: Duration;
  /** How long its summon may take. Overrides `boot.deadline`. */
  readonly deadline?: Duration;
  /** How long it may take to stop by itself before it is destroyed. Overrides `stop.grace`. */
  readonly grace?: Duration;
  /** Who decides when it stops. Overrides `stop.policies`. */
  readonly stopPolicies?: string | readonly string[];
  /** Whether Synjitsu is told of it; true where absent. */
  readonly useSynjitsu?: boolean | 0 | 1;
  /** Its HTTPS records (RFC 9460), as `'1 . alpn=h2,h3 port=8443'`, one or a list; true for `'1 .'`. */
  readonly https?: string | readonly string[] | true;
  /** Its SVCB records, in the same form. */
  readonly svcb?: string | readonly string[] | true;
  /** A xenstore key below /local/domain/DOMID/ to wait for before the answer, for 2 s at most; `KEY:5s` waits longer. */
  readonly waitForKey?: string;
}

type KnownBackend = {
  readonly [Name in keyof BackendOptions]: { readonly backend: Name } & BackendOptions[Name];
}[keyof BackendOptions];

interface AnyBackend {
  /** The backend, or a connection under `backends`; the default one where absent. */
  readonly backend?: string;
  readonly [option: string]: unknown;
}

type WithoutAddress = Omit<CommonUnikernelConfig, 'ip'> &
  Partial<Pick<CommonUnikernelConfig, 'ip'>> &
  Extract<KnownBackend, { readonly backend: keyof AddressFindingBackends }>;

/** One unikernel: the common keys, and the options of its backend. */
export type UnikernelConfig = (CommonUnikernelConfig & (KnownBackend | AnyBackend)) | WithoutAddress;

/** The content of a configuration file. Every key may be left out. */
export interface JitsuConfig {
  /** Plugins to load besides those of the backends: short names, package names or paths. */
  readonly plugins?: readonly string[];
  readonly dns?: {
    /** Addresses to answer on; `127.0.0.1` where absent. */
    readonly bind?: string | readonly string[];
    /** The port to answer on, 53 where absent; 0 picks a free one. */
    readonly port?: number;
    /** How datagrams are taken: many at a time by threads of their own (`mmsg`, on Linux), or one by one (`dgram`). */
    readonly transport?: 'auto' | 'dgram' | 'mmsg';
    /** Threads that take datagrams by mmsg, for each address; 1 where absent. */
    readonly workers?: number;
    /** Whose queries are answered; `['loopback', 'private']` where absent. */
    readonly allow?: Networks;
    readonly deny?: Networks;
    /** How long an answer may be kept; 60 s where absent. */
    readonly ttl?: Duration;
    /** Who answers for other names: the servers of /etc/resolv.conf, nobody, or these servers in this order. */
    readonly forwarders?: string | readonly string[];
    /** The port of forwarders that are given without one. */
    readonly forwarderPort?: number;
    /** How long to wait for one forwarder before the next is asked; 2 s where absent. */
    readonly forwardTimeout?: Duration;
    /** Which of the healthy forwarders is asked first; `sequential` where absent. */
    readonly forwardOrder?: 'sequential' | 'round-robin' | 'random';
    /** Domains that are never forwarded. */
    readonly forwardExcept?: string | readonly string[];
    /** A PEM file with the authorities for `tls://` forwarders; those of Node where absent. */
    readonly forwardCertificates?: string;
    /** For whom other names are forwarded; `['loopback', 'private']` where absent. */
    readonly allowForwarding?: Networks;
    /** What is remembered of forwarded answers. */
    readonly cache?: {
      /** `'32MiB'` where absent; 0 keeps nothing. */
      readonly size?: number | string;
      readonly longestTtl?: Duration;
      readonly negativeTtl?: Duration;
      readonly failureTtl?: Duration;
      /** How long an answer serves beyond its TTL while no upstream answers; 1 d where absent. */
      readonly stale?: Duration;
      readonly prefetch?: boolean;
    };
    /** A limit for responses over UDP to sources that may be forged. */
    readonly rateLimit?: {
      /** For one network (IPv4 /24, IPv6 /56); 100 where absent, 0 for no limit. */
      readonly perSecond?: number;
      readonly slip?: number;
      readonly exempt?: Networks;
    };
    readonly zones?: readonly {
      readonly name: string;
      /** Whether a name below it that is no unikernel's does not exist, instead of being forwarded. */
      readonly authoritative?: boolean;
    }[];
    readonly limits?: {
      readonly pendingQueries?: number;
      readonly forwardedQueries?: number;
      readonly tcpConnections?: number;
      readonly tcpConnectionsPerClient?: number;
      readonly tcpIdle?: Duration;
    };
  };
  /** Whose queries may boot a unikernel. */
  readonly wake?: {
    /** `cookie-or-tcp` for all but loopback and private networks where absent. */
    readonly proof?: 'none' | 'cookie-or-tcp';
    /** Who needs no proof. */
    readonly trusted?: Networks;
    readonly allow?: Networks;
    readonly deny?: Networks;
    readonly types?: readonly ('A' | 'AAAA' | 'HTTPS' | 'SVCB')[];
    /** Spans of the day in local time: `['07:00-22:30']`; always where absent. */
    readonly hours?: readonly string[];
    /** Boots that one client, or one network, may cause in an interval; no limit where absent. */
    readonly budget?: { readonly perClient?: number; readonly perPrefix?: number; readonly interval?: Duration };
  };
  readonly boot?: {
    /** How many unikernels may boot at once. */
    readonly limit?: number;
    /** How many more may wait for their turn. */
    readonly queue?: number;
    /** How long a summon may take; 30 s where absent. */
    readonly deadline?: Duration;
    /** A pause after the boot of a unikernel that has no readiness probes; 0.1 s where absent. */
    readonly delay?: Duration;
    readonly firstBackOff?: Duration;
    readonly longestBackOff?: Duration;
  };
  readonly stop?: {
    /** How to stop; `destroy` where absent. */
    readonly mode?: 'destroy' | 'shutdown' | 'suspend' | (string & {});
    /** How long a guest may take to stop by itself before it is destroyed; 10 s where absent. */
    readonly grace?: Duration;
    /** Who decides when a unikernel stops; `['ttl']` where absent. */
    readonly policies?: readonly string[];
    /** What happens to running unikernels when Jitsu ends; `keep` where absent. */
    readonly onExit?: 'keep' | 'stop';
  };
  /** The folder of the durable store, relative to this file; in memory where absent. */
  readonly state?: { readonly path?: string };
  readonly control?: { readonly socket?: string };
  readonly runtimeDirectory?: string;
  readonly log?: { readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' };
  /** The backend of unikernels that name none; `libvirt` where absent. */
  readonly backend?: keyof BackendOptions | (string & {});
  /** Connections by name, each with the settings of its backend. */
  readonly backends?: Readonly<Record<string, { readonly use?: string; readonly [option: string]: unknown }>>;
  /** Notifiers that are on, each with its settings. */
  readonly notifiers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Further resolvers that are on, each with its settings. */
  readonly resolvers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly unikernels?: readonly UnikernelConfig[];
}

/** What a configuration file may export. */
export type ExportedConfig = JitsuConfig | Promise<JitsuConfig> | (() => JitsuConfig | Promise<JitsuConfig>);
