import { resolve } from 'node:path';
import type { PluginRegistry } from '../contracts/plugin.js';
import type { StateStore } from '../contracts/state-store.js';
import { Contributions } from '../plugins/contributions.js';
import { CORE_FOLDER } from '../plugins/module-folders.js';
import { PluginLoader } from '../plugins/plugin-loader.js';
import { readConnections } from './backends.js';
import { checkConfig } from './checked-config.js';
import type { CheckedConfig } from './config.js';
import { givenValue, ProblemList } from './config-problems.js';
import { readConfigured, type Configured } from './configured.js';
import { BOOT_CONFIGURATOR_KEYS, takeIn } from './plugin-intake.js';
import type { Settings, UnikernelSettings } from './settings.js';
import { readState } from './state.js';
import { applyFlags, type StartFlags } from './start-flags.js';
import { unikernelEntries, type UnikernelEntry } from './unikernel-entries.js';
import { backendOf, UnikernelReader, WAIT_FOR_KEY_PROBE } from './unikernel-reader.js';

/** What the core brings into the reading of a configuration. */
export interface SettingsContext {
  /** Registers the probes, policies and state stores that need no plugin. */
  readonly builtIns: (registry: PluginRegistry) => void;
  /** Where the runtime directory lies unless the configuration says. */
  readonly runtimeDirectory: () => string;
  /** Where the control socket lies unless the configuration says. */
  readonly controlSocket: (runtimeDirectory: string) => string;
  /** Further folders to look for plugins from, after the configuration's and the core's. */
  readonly pluginPlaces?: readonly string[];
}

/** A configuration as it was written. */
export interface SettingsInput {
  /** What the file holds. */
  readonly config: unknown;
  /** The file it came from, where there is one. */
  readonly file?: string;
  /** The folder that paths are relative to. */
  readonly directory: string;
  /** Further unikernels, as `key=value` words. */
  readonly words?: readonly string[];
  readonly flags?: StartFlags;
}

/**
 * Checks a configuration, brings in the plugins that it needs and no others, and fills in every default.
 * @throws JITSU_CONFIG_INVALID, as a `ConfigProblems` with everything that is wrong, plugins that are missing included
 */
export async function readSettings(
  { config: written, file, directory, words = [], flags = {} }: SettingsInput,
  context: SettingsContext,
): Promise<Settings> {
  const source = file ?? 'The command line';
  const { input, labels } = applyFlags(asGroup(written, source), flags);
  const problems = new ProblemList(labels);
  const config = checkConfig(input, problems);
  const entries = unikernelEntries(input['unikernels'], words, problems);

  const contributions = new Contributions();
  contributions.register('Jitsu itself', context.builtIns);
  const loader = new PluginLoader(contributions, [directory, CORE_FOLDER, ...(context.pluginPlaces ?? [])]);
  await loadListed(config.plugins, loader, problems);
  const connections = await readConnections(config.backends, wantedBackends(entries, config), loader, problems);
  const { notifiers, resolvers } = contributions;
  const configuredNotifiers = await readConfigured('notifiers', config.notifiers, notifiers, loader, problems);
  const configuredResolvers = await readConfigured('resolvers', config.resolvers, resolvers, loader, problems);
  if (entries.some(waitsForKey)) {
    // Where it is missing, the reader says so of each unikernel that needs it.
    await takeIn(WAIT_FOR_KEY_PROBE, contributions.readinessProbes, loader).catch(() => undefined);
  }
  await takeInBootConfigurators(entries, contributions, loader, problems);
  const fromFolder = (path: string): string => resolve(directory, path);
  // What a flag names is relative to where Jitsu was called.
  const fromFlag = (flag: string | undefined, path: string): string =>
    flag === undefined ? fromFolder(path) : resolve(path);
  const { path } = config.state;
  const persistDb = path === undefined ? undefined : fromFlag(flags.persistdb, path);
  const stateStore = await readState(config.state, persistDb, loader, problems);

  const reader = new UnikernelReader(config, connections, contributions, problems);
  const unikernels: UnikernelSettings[] = [];
  const used = new Set<string>();
  for (const entry of entries) {
    const unikernel = reader.read(entry);
    if (unikernel === undefined) continue;
    unikernels.push(unikernel);
    used.add(unikernel.backend);
  }
  problems.throwIfAny(source);

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
    onExit: config.stop.onExit,
    ...(persistDb !== undefined && { persistDb }),
    // Where there is none, it is among the problems.
    stateStore: stateStore as Configured<StateStore>,
    controlSocket: socket === undefined ? context.controlSocket(runtimeDirectory) : fromFlag(flags.control, socket),
    runtimeDirectory,
    logLevel: config.log.level,
    connections: [...connections.values()].filter(({ name }) => used.has(name)),
    unikernels,
    notifiers: configuredNotifiers,
    resolvers: configuredResolvers,
    bootConfigurators: contributions.bootConfigurators.all(),
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

/** Whether an entry asks for the probe that stands behind `waitForKey`, by that key or by the probe's own name. */
function waitsForKey({ values }: UnikernelEntry): boolean {
  const { ready } = values;
  if ('waitForKey' in values) return true;
  return Array.isArray(ready) ? ready.some(isWaitForKeyProbe) : isWaitForKeyProbe(ready);
}

function isWaitForKeyProbe(words: unknown): boolean {
  return typeof words === 'string' && (words === WAIT_FOR_KEY_PROBE || words.startsWith(`${WAIT_FOR_KEY_PROBE}:`));
}

async function loadListed(plugins: readonly string[], loader: PluginLoader, problems: ProblemList): Promise<void> {
  for (const [index, name] of plugins.entries()) {
    await loader.load(name).catch((error: unknown) => {
      problems.addError(`plugins[${String(index)}]`, name, error);
    });
  }
}

/** Where one is missing, the first unikernel that needs it says so. */
async function takeInBootConfigurators(
  entries: readonly UnikernelEntry[],
  { bootConfigurators }: Contributions,
  loader: PluginLoader,
  problems: ProblemList,
): Promise<void> {
  for (const [key, name] of Object.entries(BOOT_CONFIGURATOR_KEYS)) {
    const entry = entries.find(({ values }) => key in values);
    if (entry === undefined) continue;
    await takeIn(name, bootConfigurators, loader).catch((error: unknown) => {
      problems.addError(entry.pathOf([key]), entry.values[key], error);
    });
  }
}

/** The connections that unikernels ask for, each with the path where that is written first. */
function wantedBackends(entries: readonly UnikernelEntry[], config: CheckedConfig): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const entry of entries) {
    const name = backendOf(entry, config);
    if (!wanted.has(name)) wanted.set(name, name === entry.values['backend'] ? entry.pathOf(['backend']) : 'backend');
  }
  return wanted;
}
