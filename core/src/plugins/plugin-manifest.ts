/**
 * What a plugin's package.json says under `jitsu`, so that it can be found by what it brings without being imported. A
 * contribution whose name is in the package's name (`@jitsud/plugin-NAME`) is found without.
 */
export interface PluginManifest {
  /** The range of plugin API versions that it fits. */
  readonly api: string;
  readonly backends?: readonly string[];
  readonly readinessProbes?: readonly string[];
  readonly notifiers?: readonly string[];
  readonly resolvers?: readonly string[];
  readonly stateStores?: readonly string[];
  readonly bootConfigurators?: readonly string[];
  /** Keys of unikernels, in camelCase. */
  readonly unikernelKeys?: readonly string[];
  /** Flags of `jitsu start`, by their names without dashes in front. */
  readonly startFlags?: Readonly<Record<string, StartFlag>>;
}

/** A flag of `jitsu start` that sets a key of the configuration to the text behind it. */
export interface StartFlag {
  /** What stands for the text in help texts: `UUID`. */
  readonly value: string;
  /** The key: `notifiers.synjitsu.uuid`. */
  readonly sets: string;
  /** Sentences for the help. */
  readonly description: string;
}

/** What can be looked for in a manifest. */
export type Provided = Exclude<keyof PluginManifest, 'api'>;

/** The names that the manifest gives for this. */
export function namesIn(manifest: PluginManifest, what: Provided): readonly string[] {
  return what === 'startFlags' ? Object.keys(manifest.startFlags ?? {}) : (manifest[what] ?? []);
}

/** Whether the manifest says that the plugin brings this. */
export function provides(manifest: PluginManifest, what: Provided, name: string): boolean {
  return namesIn(manifest, what).includes(name);
}

const LISTS: readonly Provided[] = [
  ...([
    'backends',
    'readinessProbes',
    'notifiers',
    'resolvers',
    'stateStores',
    'bootConfigurators',
    'unikernelKeys',
  ] as const),
];

/** What is wrong with the field `jitsu` of a package.json, but for `api`; `undefined` where nothing is. */
export function manifestFlaw(field: Readonly<Record<string, unknown>>): string | undefined {
  for (const key of LISTS) {
    const names = field[key] ?? [];
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
      return `its "jitsu.${key}" is no list of names`;
    }
  }
  return Object.entries(field['startFlags'] ?? {}).every(isStartFlag)
    ? undefined
    : 'its "jitsu.startFlags" are not such as { "name": { "value": "TEXT", "sets": "notifiers.name.key", "description": "…" } }';
}

function isStartFlag([name, flag]: readonly [string, unknown]): boolean {
  const { value, sets, description } = (flag ?? {}) as Partial<Record<keyof StartFlag, unknown>>;
  return /^[a-z][a-z0-9-]*$/.test(name) && [value, sets, description].every((text) => typeof text === 'string');
}
