import type { Plugin } from '../contracts/plugin.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Contributions } from './contributions.js';
import { distrustModule, distrustPackage } from './distrust-module.js';
import { findPlugin, type PluginFile } from './find-plugin.js';
import { importModule } from './import-module.js';
import { installedPlugins, type Installed } from './installed-plugins.js';
import { knownPlugins, type KnownPlugin } from './known-plugins.js';
import { namesIn, provides, type Provided } from './plugin-manifest.js';
import { checkApiRange, type PluginPackage } from './plugin-package.js';

/** Loads plugins, each only once, however often and by whatever name it is requested. */
export class PluginLoader {
  readonly #loads = new Map<string, Promise<void>>();
  /** The entries of those that root takes. */
  readonly #safe = new Set<string>();
  readonly #passedOver = new Set<string>();
  #installed: Promise<Installed> | undefined;

  /** @param places the folders where the search starts; paths are relative to the first */
  constructor(
    readonly contributions: Contributions,
    readonly places: readonly string[],
  ) {}

  /** The files of the plugins that are loaded. */
  get files(): readonly string[] {
    return [...this.#loads.keys()];
  }

  /** A sentence for each plugin of somebody else that root does not take, and that would have been used. */
  get passedOver(): readonly string[] {
    return [...this.#passedOver];
  }

  /**
   * Finds, checks, imports and registers a plugin.
   * @throws JITSU_PLUGIN_NOT_FOUND, JITSU_PLUGIN_UNSAFE and JITSU_PLUGIN_INCOMPATIBLE (before anything is imported),
   *   JITSU_PLUGIN_INVALID
   */
  async load(name: string): Promise<void> {
    await this.loadFound(await findPlugin(name, this.places, (sentence) => this.#passedOver.add(sentence)));
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
    const { plugins, refused } = await this.#installed;
    const found = plugins.find(({ manifest }) => provides(manifest, what, name));
    const other = refused.find(({ manifest }) => provides(manifest, what, name));
    if (other === undefined) return found;
    if (found === undefined) throw unsafe(other.name, other.reason);
    this.#passedOver.add(`The plugin in ${other.folder} is passed over for that in ${found.folder}: ${other.reason}`);
    return found;
  }

  /** The names that installed plugins declare for a kind of contributions. */
  async installedNames(what: Provided): Promise<readonly string[]> {
    this.#installed ??= installedPlugins(this.places);
    return (await this.#installed).plugins.flatMap(({ manifest }) => namesIn(manifest, what));
  }

  /** Loads the plugin that declares the contribution, if there is one. @throws as `load` does */
  async loadProviderOf(what: Provided, name: string): Promise<void> {
    const provider = await this.providerOf(what, name);
    if (provider !== undefined) await ('entry' in provider ? this.loadFound(provider) : this.load(provider.name));
  }

  /** Root takes plugins of its own and of the installed Jitsu. */
  #refuseUnsafe(found: PluginPackage | PluginFile): void {
    if (this.#safe.has(found.entry)) return;
    const reason = 'folder' in found ? distrustPackage(found.folder, found.entry) : distrustModule(found.entry);
    if (reason !== undefined) throw unsafe(found.name, reason);
    this.#safe.add(found.entry);
  }

  async #import(found: PluginPackage | PluginFile): Promise<void> {
    this.#refuseUnsafe(found);
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

function unsafe(name: string, reason: string): JitsuError {
  return new JitsuError('JITSU_PLUGIN_UNSAFE', `Root does not take the plugin ${name}: ${reason}`);
}

function invalid({ name }: PluginPackage | PluginFile, flaw: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_PLUGIN_INVALID', `The plugin ${name} cannot be used: ${flaw}.`, { cause });
}
