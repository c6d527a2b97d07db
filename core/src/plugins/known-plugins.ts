import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CORE_FOLDER } from './module-folders.js';
import type { PluginManifest } from './plugin-manifest.js';

/** A plugin that is listed in this version of Jitsu, installed or not. */
export interface KnownPlugin {
  /** Its name as written under `plugins`. */
  readonly name: string;
  readonly manifest: PluginManifest;
  /** A sentence on each of its backends, without a full stop. */
  readonly backends?: Readonly<Record<string, string>>;
  /** The unikernel options of its backends. */
  readonly optionKeys?: readonly string[];
}

interface KnownPlugins {
  /** The backend of unikernels that do not name one. */
  readonly defaultBackend: string;
  readonly plugins: readonly KnownPlugin[];
}

let known: KnownPlugins | undefined;

/** The plugins developed with Jitsu; scripts/write-reference.mjs collects them from their package.json files and schemas. */
export function knownPlugins(): KnownPlugins {
  known ??= JSON.parse(readFileSync(join(CORE_FOLDER, 'known-plugins.json'), 'utf8')) as KnownPlugins;
  return known;
}
