import { errorCode, JitsuError } from '../errors.js';
import { knownPlugins } from '../plugins/known-plugins.js';
import type { NamedContributions } from '../plugins/named-contributions.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { namesIn, provides, type Provided } from '../plugins/plugin-manifest.js';
import { nearestWord } from './expectation.js';

/** The manifest field that lists the contributions of each kind. */
const MANIFEST_FIELDS: Readonly<Record<string, Provided>> = {
  backend: 'backends',
  notifier: 'notifiers',
  resolver: 'resolvers',
  'state store': 'stateStores',
  'boot configurator': 'bootConfigurators',
};

/**
 * Returns the contribution of that name. If it is not registered yet, the plugin that declares it, or that has the same
 * name, is loaded first.
 *
 * @throws JITSU_PLUGIN_NOT_FOUND, JITSU_PLUGIN_INCOMPATIBLE, JITSU_PLUGIN_INVALID
 */
export async function takeIn<T extends { readonly name: string; readonly useClass: unknown }>(
  name: string,
  contributions: NamedContributions<T>,
  loader: PluginLoader,
): Promise<T> {
  const present = contributions.get(name);
  if (present !== undefined) return present;
  const { kind } = contributions;
  const field = MANIFEST_FIELDS[kind];
  const known = field && knownPlugins().plugins.find(({ manifest }) => provides(manifest, field, name));
  const plugin = known?.name ?? name;
  try {
    await loader.load(plugin);
  } catch (error) {
    if (!(error instanceof JitsuError) || errorCode(error) !== 'JITSU_PLUGIN_NOT_FOUND') throw error;
    const installed = known === undefined && field && (await loader.installedProviderOf(field, name));
    if (!installed) throw notFound(name, kind, contributions.names(), field, error);
    await loader.loadFound(installed);
  }
  const loaded = contributions.get(name);
  if (loaded !== undefined) return loaded;
  throw new JitsuError(
    'JITSU_PLUGIN_INVALID',
    `The plugin '${plugin}' has no ${kind} of that name. There are: ${contributions.names().join(', ') || 'none'}.`,
  );
}

function notFound(
  name: string,
  kind: string,
  names: readonly string[],
  field: Provided | undefined,
  error: JitsuError,
): JitsuError {
  const known = field === undefined ? [] : knownPlugins().plugins.flatMap(({ manifest }) => namesIn(manifest, field));
  const meant = known.includes(name) ? undefined : nearestWord(name, [...names, ...known]);
  const advice = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  return new JitsuError(error.code, `No ${kind} of that name.${advice} ${error.message}`, { cause: error });
}
