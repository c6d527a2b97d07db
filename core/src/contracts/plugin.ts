import type { ZodObject, ZodType } from 'zod';
import type { Backend } from './backend.js';
import type { BootConfigurator } from './boot-configurator.js';
import type { Command } from './command.js';
import type { Notifier } from './notifier.js';
import type { ReadinessProbe } from './readiness-probe.js';
import type { Resolver } from './resolver.js';
import type { StateStore } from './state-store.js';
import type { StopPolicy } from './stop-policy.js';

/** A class of which every constructor parameter is marked with `@inject(TOKEN)`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- only `any` accepts every list of injected parameters
export type InjectableClass<T> = new (...parameters: any[]) => T;

export interface BackendContribution {
  /** The word behind `-x` and `backend:`. */
  readonly name: string;
  readonly useClass: InjectableClass<Backend>;
  /** A sentence for `jitsu plugins` and `jitsu --help`. */
  readonly description: string;
  /**
   * The options of one unikernel, in camelCase, each `.describe()`d: help, reference and the `key=value` words (where
   * they are snake_case) come from it. `name` holds the unikernel's name. Parsed, they reach `Backend.machine`. The same
   * value must always become the same: unikernels that have it in common share what it became, which is not to be changed.
   */
  readonly unikernel: ZodObject;
  /** The settings of one connection; parsed, they are injected as `optionsOf(schema)`. The key `connect` takes the `-c` flag. */
  readonly connection?: ZodObject;
  /**
   * The boot configurators that options ask for, by the option: `{ rumprunConfig: 'rumprun-config' }`. Where a unikernel
   * has the option, the plugin of that name is loaded.
   */
  readonly bootConfigurators?: Readonly<Record<string, string>>;
  /** Whether its machines have the method `addresses`, so that `ip` may be left out of a unikernel's configuration. */
  readonly findsAddresses?: boolean;
}

/** A probe (`ready: 'tcp:8080'`) or a policy (`stop.policies: ['max-lifetime:1h']`) in words: its name, a colon, an argument. */
export interface WordedContribution<T> {
  readonly name: string;
  readonly useClass: InjectableClass<T>;
  readonly description: string;
  /** Parses what follows the colon, or `undefined` where nothing does; the result is injected as `optionsOf(schema)`. */
  readonly argument: ZodType;
}

/** Something that is on when the configuration has an entry under its name. */
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
  /** The word behind `jitsu`. */
  readonly name: string;
  readonly useClass: InjectableClass<Command>;
  /** A sentence for the help, without a full stop. */
  readonly description: string;
  /** Its flags, in camelCase (`--kebab-case` on the command line), each `.describe()`d; a boolean takes no value. Injected as above. */
  readonly options: ZodObject;
}

/**
 * Keys that a plugin adds to every unikernel, whatever its backend. The plugin's package.json names them as well, under
 * `jitsu.unikernelKeys`: so a key brings its plugin in.
 */
export interface UnikernelKeysContribution {
  /**
   * The keys, in camelCase, each optional and `.describe()`d; checks of the object as a whole do not count. Values may
   * be text, as in `key=value` words. What they become, notifiers are given with each event.
   */
  readonly keys: ZodObject;
  /**
   * Keys that stand for a readiness probe, each with its name: with `{ waitForKey: 'xenstore-key' }`, `waitForKey: 'x'`
   * means `xenstore-key:x`, beside the probes of `ready`.
   */
  readonly probes?: Readonly<Record<string, string>>;
}

/** All that a plugin can reach: it adds to Jitsu, and sees nothing of it but what is injected. */
export interface PluginRegistry {
  backend(contribution: BackendContribution): void;
  readinessProbe(contribution: WordedContribution<ReadinessProbe>): void;
  stopPolicy(contribution: WordedContribution<StopPolicy>): void;
  /** Configured under `notifiers`. */
  notifier(contribution: ConfiguredContribution<Notifier>): void;
  /** Configured under `resolvers`; asked after the unikernels and before the forwarder. */
  resolver(contribution: ConfiguredContribution<Resolver>): void;
  /** Named by `state.use`; one is in use at a time. */
  stateStore(contribution: ConfiguredContribution<StateStore>): void;
  /** Called for every machine of the backends that have `capabilities.bootConfigurators`. */
  bootConfigurator(contribution: BootConfiguratorContribution): void;
  unikernelKeys(contribution: UnikernelKeysContribution): void;
  /** A command of `jitsu`, beside its own. */
  command(contribution: CommandContribution): void;
}

/** The default export of a plugin package. */
export interface Plugin {
  readonly name: string;
  /** The range of plugin API versions that it fits, as in package.json (`^1.0.0`). */
  readonly apiVersion: string;
  register(registry: PluginRegistry): void;
}
