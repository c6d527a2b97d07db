import { installedPlugins, moduleFolders, type PluginPackage } from '@jitsud/core/control';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { UnikernelOptions } from '../core.js';

/** A package's contribution to the help, written beside its entry when it is published (scripts/bundle.mjs). */
type Manifest = Partial<UnikernelOptions>;

/**
 * The content of the manual from the manifests of the core and of the plugins that are installed for these folders. No
 * package is imported. `undefined` if the core has no manifest, as in a checkout. A plugin without a manifest is
 * described by its package.json.
 */
export async function installedManifests(places: readonly string[]): Promise<UnikernelOptions | undefined> {
  const cores = moduleFolders(places).map((modules) => manifestOf(join(modules, '@jitsud/core')));
  const core = cores.find((manifest) => manifest !== undefined);
  if (core === undefined) return undefined;
  const plugins = (await installedPlugins(places)).map((plugin) => manifestOf(plugin.folder) ?? manifestFrom(plugin));
  const all = [core, ...plugins];
  return {
    startFlags: all.flatMap(({ startFlags = [] }) => startFlags),
    common: all.flatMap(({ common = [] }) => common),
    backends: all.flatMap(({ backends = [] }) => backends),
    commands: all.flatMap(({ commands = [] }) => commands),
    further: all.flatMap(({ further = [] }) => further),
  };
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'dist/manifest.json'), 'utf8')) as Manifest;
  } catch {
    // The manifest is missing or damaged.
    return undefined;
  }
}

function manifestFrom({ name, manifest }: PluginPackage): Manifest {
  const lists: readonly (readonly [string, readonly string[] | undefined])[] = [
    ['Backends', manifest.backends],
    ['Keys of unikernels', manifest.unikernelKeys],
    ['Readiness probes', manifest.readinessProbes],
    ['Activity sources', manifest.activitySources],
    ['Doormen', manifest.doormen],
    ['Notifiers', manifest.notifiers],
    ['Resolvers', manifest.resolvers],
    ['State stores', manifest.stateStores],
    ['Boot configurators', manifest.bootConfigurators],
  ];
  const brings = lists.flatMap(([what, names = []]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}.`]));
  return {
    startFlags: Object.entries(manifest.startFlags ?? {}).map(([flag, description]) => ({
      ...description,
      name: flag,
    })),
    further: [{ name, brings: brings.join(' ') || 'It lists nothing that it brings.' }],
  };
}
