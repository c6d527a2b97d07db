// tsyringe requires the metadata polyfill to be loaded first.
import 'reflect-metadata';
import { container, type DependencyContainer } from 'tsyringe';
import type { ZodType } from 'zod';
import type { BootConfigurator } from '../contracts/boot-configurator.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Command } from '../contracts/command.js';
import type { CommandContribution, InjectableClass } from '../contracts/plugin.js';
import type { Configured, ConnectionSettings, Settings, Worded } from '../config/settings.js';
import type { Backend } from '../contracts/backend.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { GuardedStopPolicy } from '../lifecycle/guarded-stop-policy.js';
import { optionsOf, type Token } from '../plugins/injection.js';
import { BOOT_CONFIGURATORS, CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY } from '../plugins/tokens.js';

type Value = readonly [Token<unknown>, unknown];

function optionsFor(schema: ZodType | undefined, options: unknown): readonly Value[] {
  return schema === undefined ? [] : [[optionsOf(schema), options]];
}

/** Makes instances of what plugins and built-in parts have registered. The container is visible only here. */
export class Instances {
  readonly #container: DependencyContainer = container.createChildContainer();
  readonly #worded = new Map<unknown, Map<string, unknown>>();
  readonly #guardedPolicies = new Map<StopPolicy, GuardedStopPolicy>();
  /** In the order of registration. */
  readonly bootConfigurators: readonly BootConfigurator[];

  constructor(
    settings: Settings,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.#container.register(CLOCK, { useValue: clock });
    this.#container.register(LOGGER, { useValue: logger });
    this.#container.register(RUNTIME_DIRECTORY, { useValue: settings.runtimeDirectory });
    this.bootConfigurators = settings.bootConfigurators.map(({ name, useClass }) =>
      this.make<BootConfigurator>(useClass, [LOGGER, logger.child({ plugin: name })]),
    );
    this.#container.register(BOOT_CONFIGURATORS, { useValue: this.bootConfigurators });
  }

  backend({ name, contribution, options }: ConnectionSettings): GuardedBackend {
    const logger = this.logger.child({ backend: name });
    const backend = this.make<Backend>(
      contribution.useClass,
      [LOGGER, logger],
      [CONNECTION_NAME, name],
      ...optionsFor(contribution.connection, options),
    );
    return new GuardedBackend(name, backend, this.clock, logger);
  }

  /** Makes a notifier, a resolver or a state store. */
  configured<T>({ contribution, options }: Configured<T>): T {
    return this.make(
      contribution.useClass,
      [LOGGER, this.logger.child({ plugin: contribution.name })],
      ...optionsFor(contribution.options, options),
    );
  }

  /** Makes a probe or a policy; the same words share one instance, as it keeps no state between calls. */
  worded<T extends object>({ contribution, words, options }: Worded<T>): T {
    const byWords = this.#worded.get(contribution) ?? new Map<string, unknown>();
    this.#worded.set(contribution, byWords);
    const made =
      (byWords.get(words) as T | undefined) ??
      this.make(contribution.useClass, ...optionsFor(contribution.argument, options));
    byWords.set(words, made);
    return made;
  }

  /** A policy as the core uses it: one instance for all with the same words, so that a failure is logged once. */
  stopPolicy(worded: Worded<StopPolicy>): StopPolicy {
    const policy = this.worded(worded);
    const guarded = this.#guardedPolicies.get(policy) ?? new GuardedStopPolicy(worded.words, policy, this.logger);
    this.#guardedPolicies.set(policy, guarded);
    return guarded;
  }

  private make<T>(useClass: InjectableClass<T>, ...values: readonly Value[]): T {
    const own = this.#container.createChildContainer();
    for (const [token, value] of values) own.register(token, { useValue: value });
    return own.resolve(useClass);
  }
}

/** Makes a command that a plugin has registered. It runs in a process of its own, without the rest of Jitsu. */
export function makeCommand(
  { useClass, options: schema }: CommandContribution,
  options: unknown,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Command {
  const own = container.createChildContainer();
  own.register(CLOCK, { useValue: clock });
  own.register(LOGGER, { useValue: logger });
  own.register(optionsOf(schema), { useValue: options });
  return own.resolve(useClass);
}
