import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JitsuError } from '../errors.js';
import { distrustPlace } from './distrust-module.js';
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
 * As root, packages of somebody else are passed over, so that nobody can keep Jitsu from its plugins by a folder
 * `node_modules` above.
 *
 * @param places the folders where the search starts; paths are relative to the first
 * @param onPassedOver called for each that was passed over before another one was found, with a sentence about it
 * @throws JITSU_PLUGIN_NOT_FOUND with every place searched, JITSU_PLUGIN_INVALID for a package that is no plugin,
 *   JITSU_PLUGIN_UNSAFE where there are none but those that were passed over
 */
export async function findPlugin(
  name: string,
  places: readonly string[],
  onPassedOver: (sentence: string) => void = () => undefined,
): Promise<PluginPackage | PluginFile> {
  if (isPath(name)) return findByPath(name, places[0] ?? process.cwd());
  const candidates = packageNames(name);
  const folders = moduleFolders(places);
  const refused: (readonly [folder: string, reason: string])[] = [];
  for (const candidate of candidates) {
    for (const modules of folders) {
      const folder = join(modules, candidate);
      const json = join(folder, 'package.json');
      const reason = existsSync(json) ? distrustPlace(json) : undefined;
      if (reason !== undefined) {
        refused.push([folder, reason]);
        continue;
      }
      const found = await readPluginPackage(folder);
      if (found === undefined) continue;
      for (const [place, why] of refused)
        onPassedOver(`The plugin in ${place} is passed over for that in ${folder}: ${why}`);
      return found;
    }
  }
  const [first] = refused;
  if (first !== undefined)
    throw new JitsuError('JITSU_PLUGIN_UNSAFE', `Root does not take the plugin ${name} in ${first[0]}: ${first[1]}`);
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
