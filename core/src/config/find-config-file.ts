import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The names of configuration files, the preferred one first. */
export const SEARCH_PLACES: readonly string[] = [
  ...['ts', 'mts', 'js', 'mjs', 'cjs', 'json', 'yaml', 'yml'].map((extension) => `jitsu.config.${extension}`),
  'package.json',
];

/**
 * The absolute path of the configuration that `jitsu start` would read in a folder, or `undefined`. No file is
 * executed, and only package.json is parsed, for its key "jitsu".
 */
export function findConfigFile(directory: string): string | undefined {
  return SEARCH_PLACES.map((name) => join(resolve(directory), name)).find((file) => {
    const text = textOf(file);
    return file.endsWith('package.json') ? isPackageWithConfig(text) : text.trim() !== '';
  });
}

/** Whether the key "jitsu" of a package.json is a plugin's manifest instead of a configuration. */
export function isPluginField(value: unknown): boolean {
  const keys = Object.keys(value ?? {});
  return keys.length === 0 || keys.includes('api');
}

function isPackageWithConfig(text: string): boolean {
  try {
    const { jitsu } = JSON.parse(text) as { readonly jitsu?: unknown };
    return jitsu !== undefined && !isPluginField(jitsu);
  } catch {
    return false;
  }
}

/** Empty for a file that cannot be read; a start in this folder reports the error. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
