import { constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { satisfies, validRange } from 'semver';
import { errorCode, errorMessage, JitsuError } from '../errors.js';
import { withoutByteOrderMark } from '../files/byte-order-mark.js';
import { PLUGIN_API_VERSION } from './api-version.js';
import { packageEntry } from './package-entry.js';
import { manifestFlaw, type PluginManifest } from './plugin-manifest.js';

const READ_NOW = constants.O_RDONLY | constants.O_NONBLOCK;

/** A package that declares itself a plugin of Jitsu. */
export interface PluginPackage {
  readonly name: string;
  readonly version: string | undefined;
  readonly folder: string;
  /** The absolute path of the module to import. */
  readonly entry: string;
  /** The range of supported plugin API versions. */
  readonly api: string;
  /** Its contributions, as listed in its package.json. */
  readonly manifest: PluginManifest;
}

interface PackageJson {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly keywords?: unknown;
  readonly jitsu?: Readonly<Record<string, unknown>> | null;
  readonly exports?: unknown;
  readonly main?: unknown;
}

/**
 * Reads the package in a folder. Returns `undefined` if there is none or, searching by keyword, it is no plugin of
 * Jitsu.
 * @throws JITSU_PLUGIN_INVALID for a package.json that lacks a field required of plugins
 */
export async function readPluginPackage(
  folder: string,
  search: 'by name' | 'by keyword' = 'by name',
): Promise<PluginPackage | undefined> {
  const json = await readPackageJson(folder);
  if (json === undefined) return undefined;
  const isPlugin = Array.isArray(json.keywords) && json.keywords.includes('jitsu-plugin');
  if (search === 'by keyword' && !isPlugin) return undefined;

  const name = typeof json.name === 'string' ? json.name : folder;
  const manifest = json.jitsu ?? {};
  const { api } = manifest;
  const entry = packageEntry(json);
  const flaw = !isPlugin
    ? 'its package.json lacks the keyword "jitsu-plugin"'
    : typeof api !== 'string' || validRange(api) === null
      ? `its package.json lacks the range of plugin API versions that it fits, such as "jitsu": { "api": "^${PLUGIN_API_VERSION}" }`
      : entry === undefined
        ? 'its "exports" offer no entry "." for import'
        : manifestFlaw(manifest);
  if (flaw !== undefined) {
    throw new JitsuError('JITSU_PLUGIN_INVALID', `The package ${name} in ${folder} is no plugin of Jitsu: ${flaw}.`);
  }
  const version = typeof json.version === 'string' ? json.version : undefined;
  return {
    name,
    version,
    folder,
    entry: resolve(folder, entry as string),
    api: api as string,
    manifest: manifest as unknown as PluginManifest,
  };
}

/** @throws JITSU_PLUGIN_INCOMPATIBLE if the range does not include this core's plugin API version */
export function checkApiRange(plugin: string, range: string): void {
  if (satisfies(PLUGIN_API_VERSION, range, { includePrerelease: true })) return;
  throw new JitsuError(
    'JITSU_PLUGIN_INCOMPATIBLE',
    `The plugin ${plugin} is written for plugin API ${range}, and this Jitsu has ${PLUGIN_API_VERSION}. ` +
      'Install a version of the plugin, or of Jitsu, so that the two fit.',
  );
}

async function readPackageJson(folder: string): Promise<PackageJson | undefined> {
  const file = join(folder, 'package.json');
  try {
    // Reading a pipe of that name might never end.
    const json: unknown = JSON.parse(withoutByteOrderMark(await readFile(file, { encoding: 'utf8', flag: READ_NOW })));
    return typeof json === 'object' && json !== null ? json : {};
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return undefined;
    throw new JitsuError('JITSU_PLUGIN_INVALID', `${file} cannot be read: ${errorMessage(error)}.`, { cause: error });
  }
}
