import { knownPlugins } from '../plugins/known-plugins.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { camelCase, flagOf } from './key-case.js';

/** The flags of the command line that set configuration keys; each overrides the configuration file. */
export interface StartFlags {
  /** Addresses to listen on. */
  readonly bind?: readonly string[];
  /** The URI for the default backend's connection. */
  readonly connect?: string;
  /** The pause after a boot, in seconds. */
  readonly delay?: number;
  /** Upstream servers; `0.0.0.0` turns forwarding off. */
  readonly forwarder?: readonly string[];
  /** The port to listen on. */
  readonly listen?: number;
  /** The stop mode. */
  readonly mode?: string;
  /** The port of the upstream servers. */
  readonly port?: number;
  /** The folder of the durable store. */
  readonly persistdb?: string;
  /** The TTL in seconds. */
  readonly ttl?: number;
  /** The default backend. */
  readonly backend?: string;
  /** The path of the control socket. */
  readonly control?: string;
  readonly logLevel?: string;
  /** A flag that a plugin's package.json declares, in camelCase. */
  readonly [ofPlugin: string]: number | string | readonly string[] | undefined;
}

type Group = Readonly<Record<string, unknown>>;

/** A configuration as written, with the flags applied. */
export interface FlaggedInput {
  readonly input: Group;
  /** The flag that has set a path: `dns.ttl` → `--ttl`. */
  readonly labels: ReadonlyMap<string, string>;
  /** Flags as written, with their values, that neither Jitsu nor a plugin declares. */
  readonly unknown: readonly (readonly [flag: string, value: unknown])[];
}

/** The configuration key that each flag of Jitsu itself sets. */
const OWN_FLAGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    backend: 'backend',
    bind: 'dns.bind',
    listen: 'dns.port',
    ttl: 'dns.ttl',
    port: 'dns.forwarderPort',
    forwarder: 'dns.forwarders',
    delay: 'boot.delay',
    mode: 'stop.mode',
    persistdb: 'state.path',
    control: 'control.socket',
    logLevel: 'log.level',
  }),
);

/** The configuration key that a flag of Jitsu itself sets, by the flag's name in camelCase. */
export function pathOfFlag(name: string): string | undefined {
  return OWN_FLAGS.get(camelCase(name));
}

/** Applies the flags to a configuration; a flag overrides the file. */
export async function applyFlags(file: Group, flags: StartFlags, loader: PluginLoader): Promise<FlaggedInput> {
  const { connect, forwarder, ...others } = flags;
  const labels = new Map<string, string>();
  const unknown: [string, unknown][] = [];
  let input = file;
  const set = (flag: string, path: readonly string[], value: unknown): void => {
    labels.set(path.join('.'), flag);
    input = withValue(input, path, value);
  };

  for (const [key, value] of Object.entries({ ...others, forwarder: forwarders(forwarder) })) {
    if (value === undefined) continue;
    const flag = flagOf(key);
    const own = OWN_FLAGS.get(key);
    const name = flag.slice(2);
    const sets = own ?? (await loader.providerOf('startFlags', name))?.manifest.startFlags?.[name]?.sets;
    if (sets === undefined) {
      unknown.push([flag, value]);
      continue;
    }
    const path = sets.split('.');
    set(flag, path, value);
    // A problem of the whole group concerns a plugin's flag too, such as a missing plugin.
    if (own === undefined) labels.set(path.slice(0, -1).join('.'), flag);
  }
  const { defaultBackend } = knownPlugins();
  const backend = typeof input['backend'] === 'string' ? input['backend'] : defaultBackend;
  if (connect !== undefined) set('--connect', ['backends', backend, 'connect'], connect);
  return { input, labels, unknown };
}

function forwarders(flag: StartFlags['forwarder']): readonly string[] | 'off' | undefined {
  if (flag === undefined || flag.length === 0) return undefined;
  return flag.every((server) => server === '0.0.0.0') ? 'off' : flag;
}

function withValue(group: Group, [key, ...rest]: readonly string[], value: unknown): Group {
  if (key === undefined) return group;
  const inner = group[key];
  // A value that is no group is left for the schema to report; a flag must not hide a mistake in the file.
  if (rest.length > 0 && inner !== undefined && !isGroup(inner)) return group;
  return { ...group, [key]: rest.length === 0 ? value : withValue(isGroup(inner) ? inner : {}, rest, value) };
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
