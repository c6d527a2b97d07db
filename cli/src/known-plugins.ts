import { createRequire } from 'node:module';
import type { NamedStartFlag } from '@jitsud/core';

interface KnownPlugins {
  readonly defaultBackend: string;
  readonly plugins: readonly { readonly manifest: Manifest }[];
}

interface Manifest {
  readonly backends?: readonly string[];
  readonly startFlags?: Readonly<Record<string, Omit<NamedStartFlag, 'name'>>>;
}

// Read without the core, which would slow down the help of a command.
const { defaultBackend, plugins } = createRequire(import.meta.url)('@jitsud/core/known-plugins.json') as KnownPlugins;

/** The backend of unikernels that do not name one. */
export const DEFAULT_BACKEND = defaultBackend;

/** The backends of the plugins that come with the command. */
export const KNOWN_BACKENDS: readonly string[] = plugins.flatMap(({ manifest }) => manifest.backends ?? []);

/** The `jitsu start` flags that these plugins declare. */
export const KNOWN_START_FLAGS: readonly NamedStartFlag[] = plugins.flatMap(({ manifest: { startFlags = {} } }) =>
  Object.entries(startFlags).map(([name, flag]) => ({ ...flag, name })),
);
