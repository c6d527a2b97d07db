import { resolve } from 'node:path';
import type { Backend } from '../contracts/backend.js';
import type { BackendContribution, PluginRegistry } from '../contracts/plugin.js';
import type { StateStore } from '../contracts/state-store.js';
import { Contributions } from '../plugins/contributions.js';
import { knownPlugins } from '../plugins/known-plugins.js';
import { CORE_FOLDER } from '../plugins/module-folders.js';
import { PluginLoader } from '../plugins/plugin-loader.js';
import { backendsWith } from './backends-with.js';
import { checkConfig } from './checked-config.js';
import type { CheckedConfig } from './config.js';
import type { LineOf } from './config-lines.js';
import { givenValue, ProblemList } from './config-problems.js';
import {
  ContributedSettings,
  findContribution,
  type Configured,
  type ConnectionSettings,
} from './contributed-settings.js';
import { nearestWord } from './expectation.js';
import type { ReadUnikernel, Settings, UnikernelSettings } from './settings.js';
import { applyFlags, type StartFlags } from './start-flags.js';
import { COMMON_KEYS } from './unikernel.js';
import { unikernelEntries, type UnikernelEntries, type UnikernelEntry } from './unikernel-entries.js';
import { backendOf, namingOf, UnikernelReader } from './unikernel-reader.js';

/** The parts that the core provides for reading a configuration. */
export interface SettingsContext {
  /** Registers the built-in probes, policies and state stores. */
  readonly registerBuiltins: (registry: PluginRegistry) => void;
  /** The default runtime directory. */
  readonly runtimeDirectory: () => string;
  /** The default path of the control socket. */
  readonly controlSocket: (runtimeDirectory: string) => string;
  /** Further folders where the search for plugins starts, after the configuration's and the core's. */
  readonly pluginPlaces?: readonly string[];
}

/** A configuration as written, unchecked. */
export interface SettingsInput {
  /** The content of the file. */
  readonly config: unknown;
  /** The path of the file, if there is one. */
  readonly file?: string;
  /** Finds the lines of the file, for messages. */
  readonly lines?: () => Promise<LineOf | undefined>;
  /** The folder that paths are relative to. */
  readonly directory: string;
  /** Further unikernels, as `key=value` words. */
  readonly words?: readonly string[];
  readonly flags?: StartFlags;
}

/**
 * Checks a configuration, loads the plugins that it needs and no others, and fills in all defaults.
 * @throws JITSU_CONFIG_INVALID, as a `ConfigProblems` with all problems, missing plugins included
 */
export async function readSettings(
  { config: written, file, lines, directory, words = [], flags = {} }: SettingsInput,
  context: SettingsContext,
): Promise<Settings> {
  const source = file ?? 'The command line';
  const contributions = new Contributions(COMMON_KEYS);
  contributions.register('Jitsu itself', context.registerBuiltins);
  const loader = new PluginLoader(contributions, [directory, CORE_FOLDER, ...(context.pluginPlaces ?? [])]);
  const { input, labels, unknown } = await applyFlags(asGroup(written, source), flags, loader);
  const problems = new ProblemList(labels);
  for (const [flag, value] of unknown) problems.addValue(flag, value, 'No such flag, and no installed plugin has it.');
  const config = checkConfig(input, problems);
  const unikernelsWritten = unikernelEntries(input['unikernels'], words, problems);
  const { entries } = unikernelsWritten;

  await loadListed(config.plugins, loader, problems);
  const contributed = new ContributedSettings(loader, problems);
  const isBackendChosen = input['backend'] !== undefined;
  const adviceOn = (backend: string): string | undefined =>
    isBackendChosen || backend !== config.backend ? undefined : meantInstead(backend, entries, contributions);
  const wanted = wantedBackends(entries, config);
  if (isBackendChosen) await addUnused(config, wanted, loader);
  const connections = await contributed.connections(config.backends, wanted, adviceOn);
  const notifiers = await contributed.configured('notifiers', config.notifiers);
  const resolvers = await contributed.configured('resolvers', config.resolvers);
  const activitySources = await contributed.configured('activitySources', config.activitySources);
  const doormen = await contributed.configured('doormen', config.doormen);
  const missingKeys = await loadWanted(unikernelsWritten, [...connections.values()], loader, problems);
  const fromFolder = (path: string): string => resolve(directory, path);
  // A path given by a flag is relative to the folder where Jitsu was called.
  const fromFlag = (flag: string | undefined, path: string): string =>
    flag === undefined ? fromFolder(path) : resolve(path);
  const { path } = config.state;
  const statePath = path === undefined ? undefined : fromFlag(flags.persistdb, path);
  const stateStore = await contributed.stateStore(config.state, statePath);

  const reader = new UnikernelReader(config, connections, contributions, problems, { missingKeys, isBackendChosen });
  const unikernels: UnikernelSettings[] = [];
  const used = new Set<string>();
  for (const entry of entries) {
    const unikernel = reader.read(entry);
    if (unikernel === undefined) continue;
    unikernels.push(unikernel);
    used.add(unikernel.backend);
  }
  reader.checkRelations();
  if (!problems.isEmpty) problems.throwIfAny(source, { unikernels: input['unikernels'], lineOf: await lines?.() });

  const open = new Map(
    [...connections].filter(([name, { contribution }]) => used.has(name) || knowsStrays(contribution)),
  );
  const runtimeDirectory =
    config.runtimeDirectory === undefined ? context.runtimeDirectory() : fromFolder(config.runtimeDirectory);
  const { forwardCertificates } = config.dns;
  const { socket } = config.control;
  return {
    ...(file !== undefined && { file }),
    dns: {
      ...config.dns,
      ...(forwardCertificates !== undefined && { forwardCertificates: fromFolder(forwardCertificates) }),
    },
    wake: config.wake,
    boot: config.boot,
    relay: config.relay,
    onExit: config.stop.onExit,
    usualStop: { mode: config.stop.mode, grace: config.stop.grace },
    ...(statePath !== undefined && { statePath }),
    // A missing store is among the problems, which have been thrown above.
    stateStore: stateStore as Configured<StateStore>,
    stateRequired: config.state.required,
    controlSocket: socket === undefined ? context.controlSocket(runtimeDirectory) : fromFlag(flags.control, socket),
    runtimeDirectory,
    privileges: config.privileges,
    pluginFiles: loader.files,
    logLevel: config.log.level,
    logFormat: config.log.format,
    connections: [...open.values()],
    unikernels,
    readUnikernel: readUnikernel(config, open, loader, isBackendChosen),
    notifiers,
    resolvers,
    activitySources,
    doormen,
    bootConfigurators: contributions.bootConfigurators.all(),
    ...(loader.passedOver.length > 0 && { passedOver: loader.passedOver }),
  };
}

/** A function of its own, so that what it gives keeps nothing else of the configuration in memory. */
function readUnikernel(
  config: CheckedConfig,
  open: ReadonlyMap<string, ConnectionSettings>,
  loader: PluginLoader,
  isBackendChosen: boolean,
): ReadUnikernel {
  return async (written, others) => {
    const problems = new ProblemList();
    const given = unikernelEntries([written], [], problems);
    const missingKeys = await loadWanted(given, [...open.values()], loader, problems);
    const { contributions } = loader;
    const reader = new UnikernelReader(config, open, contributions, problems, { missingKeys, isBackendChosen });
    const [entry] = given.entries;
    const unikernel = entry && reader.read(entry);
    if (entry !== undefined && !open.has(backendOf(entry, config))) {
      const expected = `One of the backends in use expected: ${[...open.keys()].join(', ')}. Others are connected when Jitsu starts.`;
      problems.addValue(entry.pathOf(['backend']), backendOf(entry, config), expected);
    }
    reader.checkRelations(others);
    problems.throwIfAny('The unikernel');
    // Whatever keeps it from being read is among the problems.
    return unikernel as UnikernelSettings;
  };
}

function asGroup(written: unknown, source: string): Readonly<Record<string, unknown>> {
  if (typeof written === 'object' && written !== null && !Array.isArray(written))
    return written as Record<string, unknown>;
  const problems = new ProblemList();
  problems.add({
    path: 'the configuration',
    given: givenValue(written) ?? 'empty',
    expected: 'Settings such as { unikernels: [ … ] } expected.',
  });
  problems.throwIfAny(source);
  return {};
}

async function loadListed(plugins: readonly string[], loader: PluginLoader, problems: ProblemList): Promise<void> {
  for (const [index, name] of plugins.entries()) {
    await loader.load(name).catch((error: unknown) => {
      const meant = nearestWord(
        name,
        knownPlugins().plugins.map((plugin) => plugin.name),
      );
      const advice = meant === undefined || meant === name ? undefined : `Did you mean '${meant}'?`;
      problems.addError(`plugins[${String(index)}]`, name, error, advice);
    });
  }
}

/**
 * Loads the plugins that unikernels need for their keys, the options of their backends, or their probes. A missing
 * plugin is reported for the first unikernel that needs it.
 * @returns the keys whose plugins cannot be loaded
 */
async function loadWanted(
  { entries, keys }: UnikernelEntries,
  connections: readonly ConnectionSettings[],
  loader: PluginLoader,
  problems: ProblemList,
): Promise<ReadonlySet<string>> {
  const { readinessProbes, unikernelKeys } = loader.contributions;
  const missing = new Set<string>();
  const report = (key: string, has: (value: unknown) => boolean, error: unknown): void => {
    const entry = entries.find(({ values }) => key in values && has(values[key]));
    if (entry !== undefined) problems.addError(entry.pathOf([key]), entry.values[key], error);
  };

  const schemas = [
    ...connections.map(({ contribution }) => contribution.unikernel),
    ...unikernelKeys.map(({ keys: added }) => added),
  ];
  const isKnown = (key: string): boolean => COMMON_KEYS.has(key) || schemas.some(({ shape }) => key in shape);
  for (const key of keys) {
    if (isKnown(key)) continue;
    await loader.loadProviderOf('unikernelKeys', key).catch((error: unknown) => {
      missing.add(key);
      report(key, () => true, error);
    });
  }
  for (const { contribution } of connections) {
    for (const [key, name] of Object.entries(contribution.bootConfigurators ?? {})) {
      if (!keys.has(key)) continue;
      await findContribution('bootConfigurators', name, loader).catch((error: unknown) =>
        report(key, () => true, error),
      );
    }
  }
  for (const name of probesNamed(entries)) {
    if (readinessProbes.get(name) !== undefined) continue;
    await loader
      .loadProviderOf('readinessProbes', name)
      .catch((error: unknown) => report('ready', (ready) => namesOf(ready).includes(name), error));
  }
  return missing;
}

/** The names of the probes in the unikernels' `ready`, without arguments. */
function probesNamed(entries: readonly UnikernelEntry[]): ReadonlySet<string> {
  const names = new Set<string>();
  let latest: unknown;
  for (const { values } of entries) {
    const { ready } = values;
    if (ready === latest) continue;
    latest = ready;
    for (const name of namesOf(ready)) names.add(name);
  }
  return names;
}

function namesOf(ready: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(ready) ? ready : [ready];
  return list.flatMap((words) => (typeof words === 'string' ? [words.split(':', 1)[0] as string] : []));
}

/** The connections that unikernels use, each with the path of its first use. */
function wantedBackends(entries: readonly UnikernelEntry[], config: CheckedConfig): Map<string, string> {
  const wanted = new Map<string, string>();
  for (const entry of entries) {
    const name = backendOf(entry, config);
    if (!wanted.has(name)) wanted.set(name, name === entry.values['backend'] ? entry.pathOf(['backend']) : 'backend');
  }
  return wanted;
}

/** Adds the chosen backend where no unikernel uses it and it may have something left of some that were removed. */
async function addUnused({ backend, backends }: CheckedConfig, wanted: Map<string, string>, loader: PluginLoader) {
  if (wanted.has(backend) || Object.hasOwn(backends, backend)) return;
  // Nobody needs it, so it may also be missing.
  const contribution = await findContribution('backends', backend, loader).catch(() => undefined);
  if (contribution !== undefined && knowsStrays(contribution)) wanted.set(backend, 'backend');
}

/** Whether a backend may have started what is in no configuration any more, and can tell it. */
function knowsStrays({ useClass }: Pick<BackendContribution, 'useClass'>): boolean {
  return (useClass.prototype as Partial<Backend>).strays !== undefined;
}

/** Advice where unikernels that name no backend have keys of another one than the usual, which is not there. */
function meantInstead(
  usual: string,
  entries: readonly UnikernelEntry[],
  contributions: Contributions,
): string | undefined {
  const nameless = entries.filter(({ values }) => values['backend'] === undefined);
  const keys = [...new Set(nameless.flatMap(({ values }) => Object.keys(values)))].filter(
    (key) => !COMMON_KEYS.has(key),
  );
  const [meant] = backendsWith(keys, contributions);
  if (meant === undefined || meant === usual) return undefined;
  const own = keys.filter((key) => backendsWith([key], contributions).includes(meant));
  const what = own.length === 1 ? `'${own[0] ?? ''}' is a key` : `'${own.join(`', '`)}' are keys`;
  return `Unikernels name no backend, and ${what} of ${meant}: ${namingOf(
    meant,
    nameless.every(({ isWords }) => isWords),
  )}.`;
}
