import { inspect } from 'node:util';
import type { ZodObject } from 'zod';
import type { BackendContribution, ConfiguredContribution } from '../contracts/plugin.js';
import type { StateStore } from '../contracts/state-store.js';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import type { Contributions } from '../plugins/contributions.js';
import { knownPlugins } from '../plugins/known-plugins.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { namesIn, provides } from '../plugins/plugin-manifest.js';
import type { CheckedConfig } from './config.js';
import { pathText, type ProblemList } from './config-problems.js';
import { nearestWord } from './expectation.js';
import { checkOptions } from './option-check.js';

/** A connection to a virtualisation system. */
export interface ConnectionSettings {
  readonly name: string;
  readonly contribution: BackendContribution;
  readonly options: unknown;
  /** Why whoever has the connection is as good as root, and where, as a sentence; absent where he is not. */
  readonly rootEquivalent?: string;
}

/** An enabled activity source, doorman, notifier, resolver or state store with its settings. */
export interface Configured<T> {
  readonly contribution: ConfiguredContribution<T>;
  readonly options: unknown;
}

/** The kinds of which each entry of the configuration enables one. */
type ConfiguredKind = 'activitySources' | 'doormen' | 'notifiers' | 'resolvers';

/** The kinds whose plugin is found by the name of the contribution, as a manifest calls them. */
type FoundByName = 'backends' | ConfiguredKind | 'stateStores' | 'bootConfigurators';

type ContributionOf<Kind extends FoundByName> = NonNullable<ReturnType<Contributions[Kind]['get']>>;

/** Reads the settings of what plugins contribute, and loads these plugins. Problems are added to the list. */
export class ContributedSettings {
  constructor(
    private readonly loader: PluginLoader,
    private readonly problems: ProblemList,
  ) {}

  /**
   * Reads the connections: those under `backends`, and for each other name that a unikernel uses, the backend of that
   * name with default settings.
   *
   * @param wanted the names that unikernels use, each with the path of its first use
   * @param adviceOn what else to say of a name without a backend, in whole sentences
   */
  async connections(
    backends: CheckedConfig['backends'],
    wanted: ReadonlyMap<string, string>,
    adviceOn: (name: string) => string | undefined = () => undefined,
  ): Promise<ReadonlyMap<string, ConnectionSettings>> {
    const connections = new Map<string, ConnectionSettings>();
    for (const name of new Set([...Object.keys(backends), ...wanted.keys()])) {
      const { use = name, ...values } = Object.hasOwn(backends, name) ? (backends[name] ?? {}) : {};
      const path = ['backends', name];
      const place = use === name ? (wanted.get(name) ?? pathText(path)) : pathText([...path, 'use']);
      const contribution = await this.#find('backends', use, place, use, adviceOn(use));
      if (contribution === undefined) continue;
      const { connect, ...others } = values;
      const takesUri = connect === undefined || 'connect' in (contribution.connection?.shape ?? {});
      if (!takesUri) {
        this.problems.addValue(
          pathText([...path, 'connect']),
          connect,
          `The backend '${use}' takes no connection URI.`,
        );
      }
      const options = this.#options(contribution.connection, takesUri ? values : others, path, ['use']);
      // A connection with invalid settings is kept: its contribution has the schema of the unikernels' options.
      const sentence = options && this.#rootEquivalent(contribution, options, pathText(path));
      connections.set(name, {
        name,
        contribution,
        options,
        ...(sentence !== undefined && { rootEquivalent: sentence }),
      });
    }
    return connections;
  }

  #rootEquivalent(contribution: BackendContribution, options: unknown, path: string): string | undefined {
    const refuse = (how: string): undefined => {
      const message = `The backend '${contribution.name}' cannot be used: its rootEquivalent ${how}.`;
      this.problems.addError(path, contribution.name, new JitsuError('JITSU_PLUGIN_INVALID', message));
    };
    try {
      const sentence: unknown = contribution.rootEquivalent?.(options);
      if (sentence === undefined || (typeof sentence === 'string' && sentence !== '')) return sentence;
      return refuse(`returned ${inspect(sentence)}, and a sentence or undefined was expected`);
    } catch (error) {
      return refuse(`failed: ${errorMessage(error)}`);
    }
  }

  /** Reads the entries of one kind: each enables one, with the settings in it. */
  async configured<Kind extends ConfiguredKind>(
    kind: Kind,
    entries: CheckedConfig[Kind],
  ): Promise<readonly { readonly contribution: ContributionOf<Kind>; readonly options: unknown }[]> {
    const configured = [];
    for (const [name, values] of Object.entries(entries)) {
      const path = [kind, name];
      const contribution = await this.#find(kind, name, pathText(path), values);
      const options = contribution && this.#options(contribution.options, values, path);
      if (contribution && options) configured.push({ contribution, options });
    }
    return configured;
  }

  /**
   * Reads the name and the options of the state store.
   * @param path the resolved `state.path`
   */
  async stateStore(
    { use, required: _, ...values }: CheckedConfig['state'],
    path: string | undefined,
  ): Promise<Configured<StateStore> | undefined> {
    const name = use ?? (path === undefined ? 'memory' : 'sqlite');
    const contribution = await this.#find('stateStores', name, 'state.use', name);
    const given = { ...values, ...(path !== undefined && { path }) };
    const options = contribution && this.#options(contribution.options, given, ['state'], ['use', 'path', 'required']);
    return contribution && options && { contribution, options };
  }

  async #find<Kind extends FoundByName>(
    kind: Kind,
    name: string,
    path: string,
    value: unknown,
    advice?: string,
  ): Promise<ContributionOf<Kind> | undefined> {
    return findContribution(kind, name, this.loader).catch((error: unknown) => {
      this.problems.addError(path, value, error, advice);
      return undefined;
    });
  }

  #options(
    schema: ZodObject | undefined,
    values: Readonly<Record<string, unknown>>,
    path: readonly string[],
    otherKeys: readonly string[] = [],
  ): Record<string, unknown> | undefined {
    const pathOf = (inner: readonly PropertyKey[]): string => pathText([...path, ...inner]);
    const checked = checkOptions({ schema, values, pathOf, otherKeys });
    if ('options' in checked) return checked.options;
    this.problems.add(...checked.problems);
    return undefined;
  }
}

/**
 * The contribution of that name. If it is not registered yet, the plugin that declares it, or that has the same name, is
 * loaded first.
 *
 * @throws JITSU_PLUGIN_NOT_FOUND, JITSU_PLUGIN_INCOMPATIBLE, JITSU_PLUGIN_INVALID
 */
export async function findContribution<Kind extends FoundByName>(
  kind: Kind,
  name: string,
  loader: PluginLoader,
): Promise<ContributionOf<Kind>> {
  const contributions = loader.contributions[kind];
  const registered = (): ContributionOf<Kind> | undefined =>
    contributions.get(name) as ContributionOf<Kind> | undefined;
  const present = registered();
  if (present !== undefined) return present;
  const { plugins } = knownPlugins();
  const plugin = plugins.find(({ manifest }) => provides(manifest, kind, name))?.name;
  try {
    await loader.load(plugin ?? name);
  } catch (error) {
    if (errorCode(error) !== 'JITSU_PLUGIN_NOT_FOUND') throw error;
    const installed = plugin === undefined ? await loader.installedProviderOf(kind, name) : undefined;
    if (installed === undefined) {
      const others = plugins.flatMap(({ manifest }) => namesIn(manifest, kind));
      const meant = plugin === undefined ? nearestWord(name, [...contributions.names(), ...others]) : undefined;
      const parts = [
        ...(plugin === undefined ? [`No ${contributions.kind} of that name.`] : []),
        meant === undefined ? await presentText(kind, loader) : `Did you mean '${meant}'?`,
        (error as JitsuError).message,
      ];
      throw new JitsuError('JITSU_PLUGIN_NOT_FOUND', parts.join(' '), { cause: error });
    }
    await loader.loadFound(installed);
  }
  const loaded = registered();
  if (loaded !== undefined) return loaded;
  throw new JitsuError(
    'JITSU_PLUGIN_INVALID',
    `The plugin '${plugin ?? name}' has no ${contributions.kind} of that name. There are: ${contributions.names().join(', ') || 'none'}.`,
  );
}

/** A sentence with the contributions of a kind that there are, installed or built in. */
async function presentText(kind: FoundByName, loader: PluginLoader): Promise<string> {
  const names = new Set([...loader.contributions[kind].names(), ...(await loader.installedNames(kind))]);
  const described = [...names].sort().map((name) => {
    const description = knownPlugins().plugins.find(({ backends = {} }) => kind === 'backends' && name in backends)
      ?.backends?.[name];
    return description === undefined ? name : `${name} (${description})`;
  });
  return described.length === 0 ? 'None is installed.' : `There are: ${described.join('; ')}.`;
}
