import { errorCode, JitsuError } from '../errors.js';
import type { NamedContributions } from '../plugins/named-contributions.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { nearestWord } from './expectation.js';

/** Plugins that are not called what they contribute. */
const PROVIDERS: Readonly<Record<string, string>> = { synjitsu: 'synjitsu-vchan', 'xenstore-key': '@jitsud/xenstore' };

/** Boot configurators that nobody names: what asks for one is this key of a unikernel, an option of its backend. */
export const BOOT_CONFIGURATOR_KEYS: Readonly<Record<string, string>> = { rumprunConfig: 'rumprun-config' };

/** Backends that one may have meant though their plugins are not loaded. */
const OWN_BACKENDS: readonly string[] = ['libvirt', 'libxl', 'process', 'xapi'];

/**
 * The contribution of that name; where there is none yet, the plugin that is known for it, or that has the same name, is
 * loaded first.
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
  const plugin = PROVIDERS[name] ?? name;
  try {
    await loader.load(plugin);
  } catch (error) {
    if (!(error instanceof JitsuError) || errorCode(error) !== 'JITSU_PLUGIN_NOT_FOUND') throw error;
    const meant = OWN_BACKENDS.includes(name)
      ? undefined
      : nearestWord(name, [...contributions.names(), ...ownNames(contributions.kind)]);
    const advice = meant === undefined ? '' : ` Did you mean '${meant}'?`;
    throw new JitsuError(error.code, `No ${contributions.kind} of that name.${advice} ${error.message}`, {
      cause: error,
    });
  }
  const loaded = contributions.get(name);
  if (loaded !== undefined) return loaded;
  throw new JitsuError(
    'JITSU_PLUGIN_INVALID',
    `The plugin '${plugin}' has no ${contributions.kind} of that name. There are: ${contributions.names().join(', ') || 'none'}.`,
  );
}

function ownNames(kind: string): readonly string[] {
  return kind === 'backend' ? OWN_BACKENDS : [];
}
