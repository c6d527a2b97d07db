/**
 * The field `jitsu` of a plugin's package.json. It lists the plugin's contributions, so that Jitsu finds the plugin
 * without importing it. A contribution named as the package is (`@jitsud/plugin-NAME`) need not be listed.
 */
export interface PluginManifest {
  /** The range of supported plugin API versions. */
  readonly api: string;
  readonly backends?: readonly string[];
  readonly readinessProbes?: readonly string[];
  readonly activitySources?: readonly string[];
  readonly doormen?: readonly string[];
  readonly notifiers?: readonly string[];
  readonly resolvers?: readonly string[];
  readonly stateStores?: readonly string[];
  readonly bootConfigurators?: readonly string[];
  /** Unikernel keys, in camelCase. */
  readonly unikernelKeys?: readonly string[];
  /** Flags of `jitsu start`, by name without the leading dashes. */
  readonly startFlags?: Readonly<Record<string, StartFlag>>;
}

/** A flag of `jitsu start` whose text becomes the value of a configuration key. */
export interface StartFlag {
  /** The placeholder of the text in the help: `UUID`. */
  readonly value: string;
  /** The configuration key: `notifiers.synjitsu.uuid`. */
  readonly sets: string;
  /** Sentences for the help. */
  readonly description: string;
}

/** The kinds of contributions that a manifest can list. */
export type Provided = Exclude<keyof PluginManifest, 'api'>;

/** The names that the manifest lists for a kind. */
export function namesIn(manifest: PluginManifest, what: Provided): readonly string[] {
  return what === 'startFlags' ? Object.keys(manifest.startFlags ?? {}) : (manifest[what] ?? []);
}

/** Whether the manifest lists this contribution. */
export function provides(manifest: PluginManifest, what: Provided, name: string): boolean {
  return namesIn(manifest, what).includes(name);
}

const LISTS: readonly Provided[] = [
  ...([
    'backends',
    'readinessProbes',
    'activitySources',
    'doormen',
    'notifiers',
    'resolvers',
    'stateStores',
    'bootConfigurators',
    'unikernelKeys',
  ] as const),
];

/** The flaw of a package.json's field `jitsu`, except `api`, as text; `undefined` if there is none. */
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
