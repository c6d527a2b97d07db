import type { Notifier } from '../contracts/notifier.js';
import type {
  BackendContribution,
  BootConfiguratorContribution,
  CommandContribution,
  ConfiguredContribution,
  PluginRegistry,
  UnikernelKeysContribution,
  WordedContribution,
} from '../contracts/plugin.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { Resolver } from '../contracts/resolver.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import { JitsuError } from '../errors.js';
import { NamedContributions, type Owned } from './named-contributions.js';

/** All that the built-in parts and the plugins have registered. Core reads it; plugins only ever see `PluginRegistry`. */
export class Contributions {
  readonly backends = new NamedContributions<BackendContribution>('backend');
  readonly readinessProbes = new NamedContributions<WordedContribution<ReadinessProbe>>('readiness probe');
  readonly stopPolicies = new NamedContributions<WordedContribution<StopPolicy>>('stop policy');
  readonly notifiers = new NamedContributions<ConfiguredContribution<Notifier>>('notifier');
  readonly resolvers = new NamedContributions<ConfiguredContribution<Resolver>>('resolver');
  readonly bootConfigurators = new NamedContributions<BootConfiguratorContribution>('boot configurator');
  readonly commands = new NamedContributions<CommandContribution>('command');
  readonly #unikernelKeys: Owned<UnikernelKeysContribution>[] = [];

  /** The keys that plugins add to every unikernel, in the order of registration. */
  get unikernelKeys(): readonly UnikernelKeysContribution[] {
    return this.#unikernelKeys.map(({ contribution }) => contribution);
  }

  /**
   * Lets `owner` add to Jitsu while `register` runs, and not a moment longer: all that it registers, or nothing.
   * @throws JITSU_PLUGIN_INVALID for a name that is taken or malformed, and for a registry used too late
   */
  register(owner: string, register: (registry: PluginRegistry) => void): void {
    const staged: (() => void)[] = [];
    const stagedNames = new Set<string>();
    let open = true;

    const into =
      <T extends { readonly name: string; readonly useClass: unknown }>(
        target: NamedContributions<T>,
        schemas: readonly (keyof T & string)[],
      ) =>
      (contribution: T): void => {
        const subject = `${target.kind} '${contribution.name}'`;
        const objection = !open
          ? `${owner} registers the ${subject} after its register() has returned. Register everything in there, at once.`
          : stagedNames.has(subject)
            ? `${owner} registers the ${subject} twice.`
            : (target.objectionTo({ owner, contribution }) ??
              objectionToSchemas(owner, subject, contribution, schemas));
        if (objection !== undefined) throw new JitsuError('JITSU_PLUGIN_INVALID', objection);
        stagedNames.add(subject);
        staged.push(() => {
          target.add({ owner, contribution: Object.freeze({ ...contribution }) });
        });
      };

    const unikernelKeys = (contribution: UnikernelKeysContribution): void => {
      const names = Object.keys(contribution.keys.shape);
      const subject = `unikernel key${names.length === 1 ? '' : 's'} '${names.join(`', '`)}'`;
      const objection = !open
        ? `${owner} registers the ${subject} after its register() has returned. Register everything in there, at once.`
        : (objectionToSchemas(owner, subject, contribution, ['keys']) ?? this.#objectionToKeys(owner, names));
      if (objection !== undefined) throw new JitsuError('JITSU_PLUGIN_INVALID', objection);
      staged.push(() => this.#unikernelKeys.push({ owner, contribution: Object.freeze({ ...contribution }) }));
    };

    try {
      register({
        backend: into(this.backends, ['unikernel']),
        readinessProbe: into(this.readinessProbes, ['argument']),
        stopPolicy: into(this.stopPolicies, ['argument']),
        notifier: into(this.notifiers, ['options']),
        resolver: into(this.resolvers, ['options']),
        bootConfigurator: into(this.bootConfigurators, []),
        command: into(this.commands, ['options']),
        unikernelKeys,
      });
    } finally {
      open = false;
    }
    for (const commit of staged) commit();
  }

  #objectionToKeys(owner: string, names: readonly string[]): string | undefined {
    for (const { owner: other, contribution } of this.#unikernelKeys) {
      const taken = names.find((name) => name in contribution.keys.shape);
      if (taken === undefined) continue;
      return `${owner} and ${other} both register the unikernel key '${taken}'. Remove one of the two plugins.`;
    }
    return undefined;
  }
}

function objectionToSchemas<T extends object>(
  owner: string,
  subject: string,
  contribution: T,
  keys: readonly (keyof T & string)[],
): string | undefined {
  // By shape, not by instanceof: a plugin may carry a zod of its own.
  const missing = keys.find(
    (key) => typeof (contribution[key] as { safeParse?: unknown } | undefined)?.safeParse !== 'function',
  );
  return missing === undefined ? undefined : `${owner} registers the ${subject} without a zod schema in '${missing}'.`;
}
