import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The names under which a configuration is looked for, the first choice first. */
export const SEARCH_PLACES: readonly string[] = [
  ...['ts', 'mts', 'js', 'mjs', 'cjs', 'json', 'yaml', 'yml'].map((extension) => `jitsu.config.${extension}`),
  'package.json',
];

/**
 * The absolute path of the configuration that `jitsu start` would read in a folder, or nothing. No file is run, and only
 * package.json is understood, where the key "jitsu" counts.
 */
export function findConfigFile(directory: string): string | undefined {
  return SEARCH_PLACES.map((name) => join(resolve(directory), name)).find((file) => {
    const text = textOf(file);
    return file.endsWith('package.json') ? isPackageWithConfig(text) : text.trim() !== '';
  });
}

/** The key "jitsu" of a plugin's own package.json says which Jitsu the plugin fits, and what it brings. */
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

/** Empty for what cannot be read: whoever starts Jitsu there is told so. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
