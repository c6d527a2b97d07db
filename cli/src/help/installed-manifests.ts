import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UnikernelOptions } from '../core.js';

/** A package's contribution to the help, written beside its entry when it is published (scripts/bundle.mjs). */
type Manifest = Partial<UnikernelOptions>;

/**
 * The content of the manual from the manifests of the core and of the plugins that are installed for a folder or beside
 * the command. No package is imported. `undefined` if the core has no manifest, as in a checkout. Only plugins with a
 * plugin's name and a manifest are included.
 */
export function installedManifests(directory: string): UnikernelOptions | undefined {
  const places = [fileURLToPath(new URL('../..', import.meta.url)), directory];
  const folders = [...new Set(places.flatMap(foldersAbove))].map((folder) => join(folder, 'node_modules'));
  const packages = new Map<string, Manifest>();
  for (const [name, folder] of folders.flatMap(packagesIn)) {
    const manifest = packages.has(name) ? undefined : manifestOf(folder);
    if (manifest !== undefined) packages.set(name, manifest);
  }
  if (!packages.has('@jitsud/core')) return undefined;
  const byName = [...packages].sort(([one], [other]) => one.localeCompare(other)).map(([, manifest]) => manifest);
  return {
    startFlags: byName.flatMap(({ startFlags = [] }) => startFlags),
    common: byName.flatMap(({ common = [] }) => common),
    backends: byName.flatMap(({ backends = [] }) => backends),
    commands: byName.flatMap(({ commands = [] }) => commands),
  };
}

function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...foldersAbove(above)];
}

/** Jitsu's own packages and those named as plugins, with their folders. */
function packagesIn(modules: string): readonly (readonly [name: string, folder: string])[] {
  const own = namesIn(join(modules, '@jitsud')).map((name) => `@jitsud/${name}`);
  const others = namesIn(modules).filter((name) => name.startsWith('jitsu-plugin-'));
  return [...own, ...others].map((name) => [name, join(modules, name)] as const);
}

function manifestOf(folder: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'dist/manifest.json'), 'utf8')) as Manifest;
  } catch {
    // The manifest is missing or damaged; `jitsu plugins` reports damaged packages.
    return undefined;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
