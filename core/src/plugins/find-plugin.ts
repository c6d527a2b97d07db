import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JitsuError } from '../errors.js';
import { knownPlugins } from './known-plugins.js';
import { moduleFolders } from './module-folders.js';
import { readPluginPackage, type PluginPackage } from './plugin-package.js';

/** A plugin that is a single file without a package. */
export interface PluginFile {
  readonly name: string;
  readonly entry: string;
}

/**
 * Finds a plugin by its name in the configuration, without importing it. A short name (`libvirt`) means
 * `@jitsud/plugin-libvirt`, then `jitsu-plugin-libvirt`; a path or a package name is used as it is.
 *
 * @param places the folders where the search starts; paths are relative to the first
 * @throws JITSU_PLUGIN_NOT_FOUND with every place searched, JITSU_PLUGIN_INVALID for a package that is no plugin
 */
export async function findPlugin(name: string, places: readonly string[]): Promise<PluginPackage | PluginFile> {
  if (isPath(name)) return findByPath(name, places[0] ?? process.cwd());
  const candidates = packageNames(name);
  const folders = moduleFolders(places);
  for (const candidate of candidates) {
    for (const modules of folders) {
      const found = await readPluginPackage(join(modules, candidate));
      if (found !== undefined) return found;
    }
  }
  // Only of these packages it is known that they exist.
  const advice = isPackageName(name) || knownPlugins().plugins.some((known) => known.name === name);
  throw new JitsuError(
    'JITSU_PLUGIN_NOT_FOUND',
    `The plugin '${name}' is not installed. ${advice ? `Install it: npm install ${String(candidates[0])}. ` : ''}` +
      `Looked for ${candidates.join(', then ')} in ${folders.join(', ')}.`,
  );
}

/** The packages that a plugin's name may mean, the preferred one first. */
function packageNames(name: string): readonly string[] {
  return isPackageName(name) ? [name] : [`@jitsud/plugin-${name}`, `jitsu-plugin-${name}`];
}

function isPackageName(name: string): boolean {
  return name.startsWith('@') || name.includes('jitsu-plugin');
}

function isPath(name: string): boolean {
  return /^\.{0,2}\//.test(name) || isAbsolute(name) || name.startsWith('file:') || /\.[cm]?[jt]s$/.test(name);
}

async function findByPath(name: string, directory: string): Promise<PluginPackage | PluginFile> {
  const path = name.startsWith('file:') ? fileURLToPath(name) : resolve(directory, name);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile()) return { name: basename(path), entry: path };
  const found = stats === undefined ? undefined : await readPluginPackage(path);
  if (found !== undefined) return found;
  const reason = stats === undefined ? 'there is nothing' : 'there is a folder without a package.json';
  const see = dirname(path) === directory ? '' : `; see ${dirname(path)}`;
  throw new JitsuError(
    'JITSU_PLUGIN_NOT_FOUND',
    `The plugin '${name}' was not found: at ${path} ${reason}. Paths are relative to ${directory}${see}.`,
  );
}
