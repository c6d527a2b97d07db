import type { ZodObject, ZodType } from 'zod';
import type { ActivitySource } from './activity-source.js';
import type { Backend } from './backend.js';
import type { BootConfigurator } from './boot-configurator.js';
import type { Command } from './command.js';
import type { Doorman } from './doorman.js';
import type { StopMode } from './machine.js';
import type { Notifier } from './notifier.js';
import type { ReadinessProbe } from './readiness-probe.js';
import type { Resolver } from './resolver.js';
import type { StateStore } from './state-store.js';
import type { ServicePort } from './service-endpoints.js';
import type { StopPolicy } from './stop-policy.js';

/** A class whose constructor parameters are all marked with `@inject(TOKEN)`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- only `any` accepts every list of injected parameters
export type InjectableClass<T> = new (...parameters: any[]) => T;

export interface BackendContribution {
  /** The value of `-x` and `backend:`. */
  readonly name: string;
  readonly useClass: InjectableClass<Backend>;
  /** A sentence for `jitsu plugins` and `jitsu --help`. */
  readonly description: string;
  /**
   * The options of one unikernel, in camelCase, each `.describe()`d: help, reference and the `key=value` words (there
   * in snake_case) are made from it. `name` holds the unikernel's name. The parsed options reach `Backend.machine`.
   * Equal input must always give equal output: unikernels with the same value share the parsed one, which must not be
   * changed.
   */
  readonly unikernel: ZodObject;
  /**
   * Keys that people know from elsewhere and this backend does not have, in camelCase, each with a sentence that says
   * what to write: `{ extra: 'cmdline is the key for that.' }`.
   */
  readonly foreignKeys?: Readonly<Record<string, string>>;
  /**
   * The settings of one connection; the parsed ones are injected as `optionsOf(schema)`. `connect` takes the `-c` flag.
   */
  readonly connection?: ZodObject;
  /**
   * The boot configurators that options ask for, by option: `{ rumprunConfig: 'rumprun-config' }`. Where a unikernel
   * has the option, the plugin of that name is loaded.
   */
  readonly bootConfigurators?: Readonly<Record<string, string>>;
  /**
   * The stop modes of `capabilities`, where each connection has the same ones: a wrong `mode` is then reported together
   * with the other mistakes of a configuration, and else when its backend has been made.
   */
  readonly stopModes?: readonly StopMode[];
  /** How a unikernel is stopped whose configuration does not say it; where absent, `destroy`. */
  readonly defaultStopMode?: StopMode;
  /**
   * How much memory a unikernel with these parsed options may have, in bytes; `undefined` where they do not tell. For
   * `jitsu check`, which shows it, and warns where that is more than {@link Backend.hostMemory}.
   */
  memory?(options: unknown): number | undefined;
  /**
   * Whether its own doorman can hold packets for a unikernel with these parsed options, as far as they tell. Where absent,
   * only what is configured under `doormen` can.
   */
  holds?(options: unknown): boolean;
  /**
   * Where its own doorman listens for a unikernel with these parsed options and these addresses. Nothing else can listen
   * there, and `jitsu check` shows it.
   */
  listens?(options: unknown, addresses: readonly string[]): readonly ListeningPlace[];
  /** Whether its machines have the method `addresses`, so that `ip` may be left out of a unikernel's configuration. */
  readonly findsAddresses?: boolean;
  /**
   * Says, in a sentence for `jitsu check`, that whoever has the connection with these parsed settings is as good as root
   * on some host, and why: the socket of a system's daemon, the account of an administrator. Asked before anything is
   * opened. `undefined`, or an absent method, says that a connection lets nobody do more than Jitsu's own user may.
   */
  rootEquivalent?(connection: unknown): string | undefined;
}

/** An address and port at which somebody listens. */
export interface ListeningPlace extends ServicePort {
  /** In the form in which the system writes it. */
  readonly address: string;
}

/**
 * A probe (`ready: 'tcp:8080'`) or a policy (`stop.policies: ['max-lifetime:1h']`), written as a name, a colon and an
 * argument.
 */
export interface WordedContribution<T> {
  readonly name: string;
  readonly useClass: InjectableClass<T>;
  readonly description: string;
  /**
   * Parses the text behind the colon, or `undefined` without a colon; the result is injected as `optionsOf(schema)`.
   */
  readonly argument: ZodType;
}

/** A part that is active when the configuration has an entry under its name. */
export interface ConfiguredContribution<T> {
  readonly name: string;
  readonly useClass: InjectableClass<T>;
  readonly description: string;
  /** Parses the entry; the result is injected as `optionsOf(schema)`. */
  readonly options: ZodObject;
}

export interface BootConfiguratorContribution {
  readonly name: string;
  readonly useClass: InjectableClass<BootConfigurator>;
}

export interface CommandContribution {
  /** The name of the command, as in `jitsu NAME`. */
  readonly name: string;
  readonly useClass: InjectableClass<Command>;
  /** A sentence for the help, without a full stop. */
  readonly description: string;
  /**
   * Its flags, in camelCase (`--kebab-case` on the command line), each `.describe()`d; a boolean takes no value. The
   * parsed flags are injected as `optionsOf(schema)`.
   */
  readonly options: ZodObject;
}

/**
 * Keys that a plugin adds to every unikernel, whatever its backend. The plugin's package.json lists them as well, under
 * `jitsu.unikernelKeys`, so that the use of a key loads its plugin.
 */
export interface UnikernelKeysContribution {
  /**
   * The keys, in camelCase, each optional and `.describe()`d; checks of the object as a whole are ignored. Values may
   * be text, as in `key=value` words. Notifiers get the parsed values with each event.
   */
  readonly keys: ZodObject;
  /**
   * Keys that are another spelling of a readiness probe, by key: with `{ waitForKey: 'xenstore-key' }`,
   * `waitForKey: 'x'` means `xenstore-key:x`, in addition to the probes of `ready`.
   */
  readonly probes?: Readonly<Record<string, string>>;
}

/** The only part of Jitsu that a plugin can reach besides what is injected: a plugin adds its contributions to it. */
export interface PluginRegistry {
  backend(contribution: BackendContribution): void;
  readinessProbe(contribution: WordedContribution<ReadinessProbe>): void;
  stopPolicy(contribution: WordedContribution<StopPolicy>): void;
  /** Configured under `activitySources`. */
  activitySource(contribution: ConfiguredContribution<ActivitySource>): void;
  /** Configured under `doormen`. */
  doorman(contribution: ConfiguredContribution<Doorman>): void;
  /** Configured under `notifiers`. */
  notifier(contribution: ConfiguredContribution<Notifier>): void;
  /** Configured under `resolvers`; asked after the unikernels and before the forwarder. */
  resolver(contribution: ConfiguredContribution<Resolver>): void;
  /** Chosen by `state.use`; one is active at a time. */
  stateStore(contribution: ConfiguredContribution<StateStore>): void;
  /** Called for every machine of the backends that have `capabilities.bootConfigurators`. */
  bootConfigurator(contribution: BootConfiguratorContribution): void;
  unikernelKeys(contribution: UnikernelKeysContribution): void;
  /** A command of `jitsu`, besides the built-in ones. */
  command(contribution: CommandContribution): void;
}

/** The default export of a plugin package. */
export interface Plugin {
  readonly name: string;
  /** The range of plugin API versions that the plugin supports, as in package.json (`^1.0.0`). */
  readonly apiVersion: string;
  register(registry: PluginRegistry): void;
}
