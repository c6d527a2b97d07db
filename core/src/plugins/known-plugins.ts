import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CORE_FOLDER } from './module-folders.js';
import type { PluginManifest } from './plugin-manifest.js';

/** A plugin that this version of Jitsu knows of, installed or not. */
export interface KnownPlugin {
  /** As one would name it under `plugins`. */
  readonly name: string;
  readonly manifest: PluginManifest;
}

interface KnownPlugins {
  /** The backend of unikernels that name none. */
  readonly defaultBackend: string;
  readonly plugins: readonly KnownPlugin[];
}

let known: KnownPlugins | undefined;

/** The plugins that are developed with Jitsu: scripts/write-reference.mjs gathers them from their package.json files. */
export function knownPlugins(): KnownPlugins {
  known ??= JSON.parse(readFileSync(join(CORE_FOLDER, 'known-plugins.json'), 'utf8')) as KnownPlugins;
  return known;
}
