import { inspect } from 'node:util';
import type { ZodType } from 'zod';
import type { ActivitySource } from '../contracts/activity-source.js';
import type { Doorman } from '../contracts/doorman.js';
import type { Notifier } from '../contracts/notifier.js';
import type {
  BackendContribution,
  BootConfiguratorContribution,
  CommandContribution,
  ConfiguredContribution,
  InjectableClass,
  PluginRegistry,
  UnikernelKeysContribution,
  WordedContribution,
} from '../contracts/plugin.js';
import type { ReadinessProbe } from '../contracts/readiness-probe.js';
import type { Resolver } from '../contracts/resolver.js';
import type { StateStore } from '../contracts/state-store.js';
import type { StopPolicy } from '../contracts/stop-policy.js';
import { JitsuError } from '../errors.js';
import { objectionToInjection, type Token } from './injection.js';
import { NamedContributions } from './named-contributions.js';
import { BOOT_CONFIGURATORS, CLOCK, CONNECTION_NAME, LOGGER, RUNTIME_DIRECTORY, SPAWNER } from './tokens.js';

const COMMON: readonly Token<unknown>[] = [CLOCK, LOGGER];
const IN_A_RUNNING_JITSU = [...COMMON, RUNTIME_DIRECTORY, SPAWNER];

/** How the contributions of one kind are checked, apart from their name and class. */
interface Kind<T> {
  /** The key of the schema whose result is injected. */
  readonly options?: keyof T & string;
  /** The keys of the required schemas. */
  readonly schemas: readonly (keyof T & string)[];
  /** The tokens that can be injected besides the parsed options. */
  readonly tokens: readonly Token<unknown>[];
  /** What else is wrong with one: the end of a sentence that begins with what it is. */
  objectionTo?(contribution: T): string | undefined;
}

/** Everything that the built-ins and the plugins have registered. Core reads it; plugins only see `PluginRegistry`. */
export class Contributions {
  readonly backends = new NamedContributions<BackendContribution>('backend');
  readonly readinessProbes = new NamedContributions<WordedContribution<ReadinessProbe>>('readiness probe');
  readonly stopPolicies = new NamedContributions<WordedContribution<StopPolicy>>('stop policy');
  readonly activitySources = new NamedContributions<ConfiguredContribution<ActivitySource>>('activity source');
  readonly doormen = new NamedContributions<ConfiguredContribution<Doorman>>('doorman');
  readonly notifiers = new NamedContributions<ConfiguredContribution<Notifier>>('notifier');
  readonly resolvers = new NamedContributions<ConfiguredContribution<Resolver>>('resolver');
  readonly stateStores = new NamedContributions<ConfiguredContribution<StateStore>>('state store');
  readonly bootConfigurators = new NamedContributions<BootConfiguratorContribution>('boot configurator');
  readonly commands = new NamedContributions<CommandContribution>('command');
  readonly #unikernelKeys: UnikernelKeysContribution[] = [];
  /** The plugin that has added each unikernel key. */
  readonly #ownerOfKey = new Map<string, string>();

  /** @param commonKeys the built-in keys of unikernels, which no plugin can replace */
  constructor(private readonly commonKeys: ReadonlySet<string> = new Set()) {}

  /** The keys that plugins add to every unikernel, in the order of registration. */
  get unikernelKeys(): readonly UnikernelKeysContribution[] {
    return this.#unikernelKeys;
  }

  /**
   * Adds the contributions that `owner` registers while `register` runs: all of them, or none if one is refused.
   * @throws JITSU_PLUGIN_INVALID for a name that is taken or malformed, a class that cannot be constructed, a
   *   unikernel key that is built-in or an option of a backend, and a registry used after `register` has returned
   */
  register(owner: string, register: (registry: PluginRegistry) => void): void {
    const staged: (() => void)[] = [];
    const stagedNames = new Set<string>();
    const backends: BackendContribution[] = [];
    const keys: string[] = [];
    let open = true;
    const stage = (subject: string, objection: string | undefined, commit: () => void): void => {
      const refused = open
        ? objection
        : `${owner} registers the ${subject} after its register() has returned. Register everything in there, at once.`;
      if (refused !== undefined) throw new JitsuError('JITSU_PLUGIN_INVALID', refused);
      staged.push(commit);
    };

    const into =
      <T extends { readonly name: string; readonly useClass: unknown }>(target: NamedContributions<T>, kind: Kind<T>) =>
      (contribution: T): void => {
        if (!isObject(contribution)) throw noObject(owner, `a ${target.kind}`, contribution);
        const subject = `${target.kind} '${contribution.name}'`;
        const objection = stagedNames.has(subject)
          ? `${owner} registers the ${subject} twice.`
          : (target.objectionTo({ owner, contribution }) ??
            objectionToSchemas(owner, subject, contribution, kind.schemas) ??
            objectionToClass(owner, subject, contribution, kind) ??
            objectionToRest(owner, subject, kind.objectionTo?.(contribution)));
        if (target === (this.backends as unknown)) backends.push(contribution as unknown as BackendContribution);
        stage(subject, objection, () => {
          target.add({ owner, contribution: Object.freeze({ ...contribution }) });
        });
        stagedNames.add(subject);
      };

    const unikernelKeys = (contribution: UnikernelKeysContribution): void => {
      if (!isObject(contribution)) throw noObject(owner, 'unikernel keys', contribution);
      const names = Object.keys((contribution.keys as { shape?: object } | undefined)?.shape ?? {});
      const subject = `unikernel key${names.length === 1 ? '' : 's'} '${names.join(`', '`)}'`;
      const twice = names.find((name) => stagedNames.has(`unikernel key '${name}'`));
      const objection =
        twice === undefined
          ? (objectionToSchemas(owner, subject, contribution, ['keys']) ?? this.#objectionToKeys(owner, names))
          : `${owner} registers the unikernel key '${twice}' twice.`;
      for (const name of names) stagedNames.add(`unikernel key '${name}'`);
      keys.push(...names);
      stage(subject, objection, () => {
        this.#unikernelKeys.push(Object.freeze({ ...contribution }));
        for (const name of names) this.#ownerOfKey.set(name, owner);
      });
    };

    const worded = { options: 'argument', schemas: ['argument'], tokens: IN_A_RUNNING_JITSU } as const;
    const configured = { options: 'options', schemas: ['options'], tokens: IN_A_RUNNING_JITSU } as const;
    try {
      register({
        backend: into(this.backends, {
          options: 'connection',
          schemas: ['unikernel'],
          tokens: [...IN_A_RUNNING_JITSU, CONNECTION_NAME, BOOT_CONFIGURATORS],
          objectionTo: (backend) => objectionToStopModes(backend) ?? objectionToForeignKeys(backend),
        }),
        readinessProbe: into(this.readinessProbes, worded),
        stopPolicy: into(this.stopPolicies, worded),
        activitySource: into(this.activitySources, configured),
        doorman: into(this.doormen, configured),
        notifier: into(this.notifiers, configured),
        resolver: into(this.resolvers, configured),
        stateStore: into(this.stateStores, configured),
        bootConfigurator: into(this.bootConfigurators, { schemas: [], tokens: IN_A_RUNNING_JITSU }),
        command: into(this.commands, { options: 'options', schemas: ['options'], tokens: COMMON }),
        unikernelKeys,
      });
    } finally {
      open = false;
    }
    const objection = this.#objectionToOptions(owner, backends, keys);
    if (objection !== undefined) throw new JitsuError('JITSU_PLUGIN_INVALID', objection);
    for (const commit of staged) commit();
  }

  /** A key that is added to every unikernel never reaches a backend, which would take its own option for missing. */
  #objectionToOptions(
    owner: string,
    backends: readonly BackendContribution[],
    keys: readonly string[],
  ): string | undefined {
    const ownerOf = new Map([...this.#ownerOfKey, ...keys.map((key) => [key, owner] as const)]);
    for (const { name, unikernel } of [...this.backends.all(), ...backends]) {
      const taken = Object.keys((unikernel as { shape?: object }).shape ?? {}).find((option) => ownerOf.has(option));
      if (taken === undefined) continue;
      const backend = `an option of the backend '${name}' of ${this.backends.ownerOf(name) ?? owner}`;
      return `The unikernel key '${taken}' that ${ownerOf.get(taken) ?? owner} registers is ${backend}. Rename one of the two, or remove one of the plugins.`;
    }
    return undefined;
  }

  #objectionToKeys(owner: string, names: readonly string[]): string | undefined {
    const common = names.find((name) => this.commonKeys.has(name));
    if (common !== undefined)
      return `${owner} registers the unikernel key '${common}', which Jitsu itself has. Give it another name.`;
    const taken = names.find((name) => this.#ownerOfKey.has(name));
    if (taken === undefined) return undefined;
    const other = this.#ownerOfKey.get(taken) ?? '';
    return `${owner} and ${other} both register the unikernel key '${taken}'. Remove one of the two plugins.`;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function noObject(owner: string, what: string, given: unknown): JitsuError {
  return new JitsuError('JITSU_PLUGIN_INVALID', `${owner} registers ${what} as ${inspect(given)}: an object expected.`);
}

function objectionToSchemas<T extends object>(
  owner: string,
  subject: string,
  contribution: T,
  keys: readonly (keyof T & string)[],
): string | undefined {
  // Checked by shape, not by instanceof, since a plugin may bring its own copy of zod.
  const missing = keys.find(
    (key) => typeof (contribution[key] as { safeParse?: unknown } | undefined)?.safeParse !== 'function',
  );
  return missing === undefined ? undefined : `${owner} registers the ${subject} without a zod schema in '${missing}'.`;
}

function objectionToClass<T extends { readonly useClass: unknown }>(
  owner: string,
  subject: string,
  contribution: T,
  { options, tokens }: Kind<T>,
): string | undefined {
  const schema = options && (contribution[options] as ZodType | undefined);
  const objection = objectionToInjection(contribution.useClass as InjectableClass<unknown>, tokens, schema);
  return objection && `${owner} registers the ${subject} with a class that cannot be made: ${objection}.`;
}

function objectionToRest(owner: string, subject: string, objection: string | undefined): string | undefined {
  return objection && `${owner} registers the ${subject} ${objection}.`;
}

function objectionToForeignKeys({ foreignKeys }: BackendContribution): string | undefined {
  const given: unknown = foreignKeys;
  if (given === undefined) return undefined;
  const isRight = isObject(given) && Object.values(given as object).every((advice) => typeof advice === 'string');
  return isRight ? undefined : `with ${inspect(given)} as foreignKeys, and keys with a sentence each were expected`;
}

function objectionToStopModes({ stopModes, defaultStopMode }: BackendContribution): string | undefined {
  if (defaultStopMode === undefined || stopModes === undefined || stopModes.includes(defaultStopMode)) return undefined;
  return `with the default stop mode ${inspect(defaultStopMode)}, which is none of its stop modes (${stopModes.join(', ')})`;
}
