import { basename, dirname, resolve } from 'node:path';

/** The names of configuration files, the preferred one first. */
export const SEARCH_PLACES: readonly string[] = [
  ...['ts', 'mts', 'js', 'mjs', 'cjs', 'json', 'yaml', 'yml'].map((extension) => `jitsu.config.${extension}`),
  'package.json',
];

/**
 * The one of these files that `jitsu start` prefers in a folder, or `undefined`. It goes by their paths, and nothing in
 * the folder is read: that may belong to anybody.
 */
export function preferredConfig(directory: string, files: readonly string[]): string | undefined {
  const here = files.filter((file) => dirname(file) === resolve(directory)).map((file) => basename(file));
  const name = SEARCH_PLACES.find((place) => here.includes(place));
  return name === undefined ? undefined : resolve(directory, name);
}

/** Whether the key "jitsu" of a package.json is a plugin's manifest instead of a configuration. */
export function isPluginField(value: unknown): boolean {
  const keys = Object.keys(value ?? {});
  return keys.length === 0 || keys.includes('api');
}
