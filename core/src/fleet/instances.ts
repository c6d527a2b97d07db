import type { ZodType } from 'zod';
import type { BootConfigurator } from '../contracts/boot-configurator.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/logger.js';
import type { Command } from '../contracts/command.js';
import type { CommandContribution, InjectableClass } from '../contracts/plugin.js';
import type { KeepWhile } from '../config/keep-while.js';
import type { Configured, ConnectionSettings, Settings, Worded } from '../config/settings.js';
import type { Backend } from '../contracts/backend.js';
import type { Spawner } from '../contracts/spawner.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { GuardedBackend } from '../lifecycle/guarded-backend.js';
import { GuardedProbe } from '../lifecycle/guarded-probe.js';
import { KeepCommand } from '../lifecycle/keep-command.js';
import { GuardedStopPolicy } from '../lifecycle/guarded-stop-policy.js';
import { UnikernelCommand } from '../plugin-kit/unikernel-command.js';
import { SealableSpawner } from '../plugin-kit/sealable-spawner.js';
import { construct, optionsOf, type Injected } from '../plugins/injection.js';
import { BOOT_CONFIGURATORS, CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY, SPAWNER } from '../plugins/tokens.js';

function optionsFor(schema: ZodType | undefined, options: unknown): readonly Injected[] {
  return schema === undefined ? [] : [[optionsOf(schema), options]];
}

/** Makes instances of what plugins and built-in parts have registered. */
export class Instances {
  /** What every class may have injected. */
  readonly #common: readonly Injected[];
  /** The probes and policies, by their contributions and then by their words. */
  readonly #byWords = new Map<unknown, Map<string, unknown>>();
  readonly #keepCommands = new Map<KeepWhile, KeepCommand>();
  /** Why which of them need root after the start, in the order in which they were made. */
  readonly rootNeeds: { readonly name: string; readonly reason: string }[] = [];
  /** In the order of registration. */
  readonly bootConfigurators: readonly BootConfigurator[];

  constructor(
    settings: Settings,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly spawner: Spawner = new SealableSpawner(),
  ) {
    this.#common = [
      [CLOCK, clock],
      [LOGGER, logger],
      [RUNTIME_DIRECTORY, settings.runtimeDirectory],
      [SPAWNER, spawner],
    ];
    this.bootConfigurators = settings.bootConfigurators.map(({ name, useClass }) =>
      this.#make<BootConfigurator>(name, useClass, [LOGGER, logger.child({ plugin: name })]),
    );
  }

  backend({ name, contribution, options }: ConnectionSettings): GuardedBackend {
    const logger = this.logger.child({ backend: name });
    const backend = this.#make<Backend>(
      contribution.name,
      contribution.useClass,
      [LOGGER, logger],
      [CONNECTION_NAME, name],
      [BOOT_CONFIGURATORS, this.bootConfigurators],
      ...optionsFor(contribution.connection, options),
    );
    return new GuardedBackend(name, backend, this.clock, logger);
  }

  /** Makes a notifier, a resolver or a state store. */
  configured<T>({ contribution, options }: Configured<T>): T {
    return this.#make(
      contribution.name,
      contribution.useClass,
      [LOGGER, this.logger.child({ plugin: contribution.name })],
      ...optionsFor(contribution.options, options),
    );
  }

  /** A probe as the core uses it. */
  probe(worded: Worded<ReadinessProbe>): ReadinessProbe {
    return this.#shared(worded, (probe) => new GuardedProbe(worded.words, probe));
  }

  /** The command by which unikernels are kept; one for the same words. */
  keepCommand(words: KeepWhile): KeepCommand {
    const made =
      this.#keepCommands.get(words) ??
      new KeepCommand(new UnikernelCommand('keep-while', words, this.clock, this.spawner));
    this.#keepCommands.set(words, made);
    return made;
  }

  /** A policy as the core uses it. */
  stopPolicy(worded: Worded<StopPolicy>): StopPolicy {
    return this.#shared(worded, (policy) => new GuardedStopPolicy(worded.words, policy, this.logger));
  }

  /** One instance for the same words: it keeps no state between calls, and a failure of it is logged once. */
  #shared<T extends object>({ contribution, words, options }: Worded<T>, guard: (made: T) => T): T {
    const byWords = this.#byWords.get(contribution) ?? new Map<string, unknown>();
    this.#byWords.set(contribution, byWords);
    const shared =
      (byWords.get(words) as T | undefined) ??
      guard(this.#make(words, contribution.useClass, ...optionsFor(contribution.argument, options)));
    byWords.set(words, shared);
    return shared;
  }

  #make<T>(name: string, useClass: InjectableClass<T>, ...values: readonly Injected[]): T {
    try {
      const made = construct(useClass, [...this.#common, ...values]);
      const { needsRoot } = made as { readonly needsRoot?: unknown };
      if (typeof needsRoot === 'string') this.rootNeeds.push({ name, reason: needsRoot });
      return made;
    } catch (error) {
      if (errorCode(error)?.startsWith('JITSU_') === true) throw error;
      const message = `What a plugin registers as '${name}' cannot be made: its constructor fails: ${errorMessage(error)}`;
      throw new JitsuError('JITSU_PLUGIN_INVALID', message, { cause: error });
    }
  }
}

/** Makes a command that a plugin has registered. It runs in a process of its own, without the rest of Jitsu. */
export function makeCommand(
  { useClass, options: schema }: CommandContribution,
  options: unknown,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): Command {
  return construct(useClass, [[CLOCK, clock], [LOGGER, logger], ...optionsFor(schema, options)]);
}
