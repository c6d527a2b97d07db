import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Plugin } from '../contracts/plugin.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Contributions } from './contributions.js';
import { distrust } from '../files/distrust.js';
import { findPlugin, type PluginFile } from './find-plugin.js';
import { importModule } from './import-module.js';
import { installedPlugins } from './installed-plugins.js';
import { knownPlugins, type KnownPlugin } from './known-plugins.js';
import { CORE_FOLDER } from './module-folders.js';
import { provides, type Provided } from './plugin-manifest.js';
import { checkApiRange, type PluginPackage } from './plugin-package.js';

const BESIDE_CORE = dirname(CORE_FOLDER);

/** The folder of the plugins that come with Jitsu: as npm installs them, or that of a checkout. */
const OWN_PLUGINS = basename(BESIDE_CORE) === '@jitsud' ? BESIDE_CORE : join(BESIDE_CORE, 'plugins');

/** Loads plugins, each only once, however often and by whatever name it is requested. */
export class PluginLoader {
  readonly #loads = new Map<string, Promise<void>>();
  #installed: Promise<readonly PluginPackage[]> | undefined;

  /** @param places the folders where the search starts; paths are relative to the first */
  constructor(
    readonly contributions: Contributions,
    readonly places: readonly string[],
  ) {}

  /** The files of the plugins that are loaded. */
  get files(): readonly string[] {
    return [...this.#loads.keys()];
  }

  /**
   * Finds, checks, imports and registers a plugin.
   * @throws JITSU_PLUGIN_NOT_FOUND, JITSU_PLUGIN_UNSAFE and JITSU_PLUGIN_INCOMPATIBLE (before anything is imported),
   *   JITSU_PLUGIN_INVALID
   */
  async load(name: string): Promise<void> {
    await this.loadFound(await findPlugin(name, this.places));
  }

  /** Loads a plugin that `findPlugin` or `installedPlugins` has found. @throws as `load` does, but for NOT_FOUND */
  loadFound(found: PluginPackage | PluginFile): Promise<void> {
    let load = this.#loads.get(found.entry);
    if (load === undefined) {
      load = this.#import(found);
      this.#loads.set(found.entry, load);
    }
    return load;
  }

  /**
   * The plugin that declares a contribution in its package.json: one that Jitsu knows (it may not be installed), or
   * else an installed one.
   */
  async providerOf(what: Provided, name: string): Promise<KnownPlugin | PluginPackage | undefined> {
    const known = knownPlugins().plugins.find(({ manifest }) => provides(manifest, what, name));
    return known ?? (await this.installedProviderOf(what, name));
  }

  /**
   * The installed plugin that declares the contribution. Manifests are read once, at the first call.
   * @throws JITSU_PLUGIN_UNSAFE
   */
  async installedProviderOf(what: Provided, name: string): Promise<PluginPackage | undefined> {
    this.#installed ??= installedPlugins(this.places);
    const found = (await this.#installed).find(({ manifest }) => provides(manifest, what, name));
    // What its manifest says is followed, too.
    if (found !== undefined) refuseUnsafe(found);
    return found;
  }

  /** Loads the plugin that declares the contribution, if there is one. @throws as `load` does */
  async loadProviderOf(what: Provided, name: string): Promise<void> {
    const provider = await this.providerOf(what, name);
    if (provider !== undefined) await ('entry' in provider ? this.loadFound(provider) : this.load(provider.name));
  }

  async #import(found: PluginPackage | PluginFile): Promise<void> {
    refuseUnsafe(found);
    if ('api' in found) checkApiRange(found.name, found.api);
    const plugin = await definitionIn(found);
    checkApiRange(found.name, plugin.apiVersion);
    try {
      this.contributions.register(found.name, (registry) => {
        const result: unknown = plugin.register(registry);
        if (!(result instanceof Promise)) return;
        // It fails as soon as it registers anything later.
        result.catch(() => undefined);
        throw invalid(found, 'its register() is asynchronous. Register everything before it returns');
      });
    } catch (error) {
      if (error instanceof JitsuError) throw error;
      throw invalid(found, `its register() failed: ${errorMessage(error)}`, error);
    }
  }
}

/** Root takes plugins of its own and of the installed Jitsu; those that come with Jitsu are as safe as Jitsu itself. */
function refuseUnsafe({ name, entry }: PluginPackage | PluginFile): void {
  if (process.geteuid?.() !== 0 || !existsSync(entry)) return;
  const place = realpathSync(entry);
  if (place.startsWith(join(OWN_PLUGINS, sep))) return;
  const reason = distrust(entry);
  if (reason !== undefined)
    throw new JitsuError('JITSU_PLUGIN_UNSAFE', `Root does not take the plugin ${name}: ${reason}`);
}

async function definitionIn(found: PluginPackage | PluginFile): Promise<Plugin> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await importModule(found.entry);
  } catch (error) {
    throw invalid(found, `importing ${found.entry} failed: ${errorMessage(error)}`, error);
  }
  const plugin = module['default'];
  if (!isPlugin(plugin)) {
    throw invalid(
      found,
      `the default export of ${found.entry} is not what definePlugin({ name, apiVersion, register }) makes`,
    );
  }
  return plugin;
}

function isPlugin(value: unknown): value is Plugin {
  const { name, apiVersion, register } = (value ?? {}) as Partial<Record<keyof Plugin, unknown>>;
  return typeof name === 'string' && typeof apiVersion === 'string' && typeof register === 'function';
}

function invalid({ name }: PluginPackage | PluginFile, flaw: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_PLUGIN_INVALID', `The plugin ${name} cannot be used: ${flaw}.`, { cause });
}
