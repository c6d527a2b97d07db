import type { Plugin } from '../contracts/plugin.js';
import { errorMessage, JitsuError } from '../errors.js';
import type { Contributions } from './contributions.js';
import { findPlugin, type PluginFile } from './find-plugin.js';
import { importModule } from './import-module.js';
import { checkApiRange, type PluginPackage } from './plugin-package.js';

/** Brings plugins in, each once however often and by whatever name it is asked for. */
export class PluginLoader {
  readonly #loads = new Map<string, Promise<void>>();

  /** @param places the folders to look from, the first of which paths are relative to */
  constructor(
    readonly contributions: Contributions,
    readonly places: readonly string[],
  ) {}

  /**
   * Finds, checks, imports and registers a plugin.
   * @throws JITSU_PLUGIN_NOT_FOUND, JITSU_PLUGIN_INCOMPATIBLE (before anything is imported), JITSU_PLUGIN_INVALID
   */
  async load(name: string): Promise<void> {
    await this.loadFound(await findPlugin(name, this.places));
  }

  /** The same, for one that was found already. */
  loadFound(found: PluginPackage | PluginFile): Promise<void> {
    let load = this.#loads.get(found.entry);
    if (load === undefined) {
      load = this.#import(found);
      this.#loads.set(found.entry, load);
    }
    return load;
  }

  async #import(found: PluginPackage | PluginFile): Promise<void> {
    if ('api' in found) checkApiRange(found.name, found.api);
    const plugin = await definitionIn(found);
    checkApiRange(found.name, plugin.apiVersion);
    try {
      this.contributions.register(found.name, (registry) => {
        plugin.register(registry);
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

function invalid({ name }: PluginPackage | PluginFile, flaw: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_PLUGIN_INVALID', `The plugin ${name} cannot be used: ${flaw}.`, { cause });
}
