import { knownPlugins } from '../plugins/known-plugins.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { snakeCase } from './json-schema.js';

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

/** Applies the flags to a configuration; a flag overrides the file. */
export async function applyFlags(file: Group, flags: StartFlags, loader: PluginLoader): Promise<FlaggedInput> {
  const {
    backend,
    connect,
    bind,
    listen,
    ttl,
    port,
    forwarder,
    delay,
    mode,
    persistdb,
    control,
    logLevel,
    ...further
  } = flags;
  const labels = new Map<string, string>();
  const unknown: [string, unknown][] = [];
  let input = file;
  const set = (flag: string, path: readonly string[], value: unknown): void => {
    if (value === undefined) return;
    labels.set(path.join('.'), flag);
    input = withValue(input, path, value);
  };

  set('--backend', ['backend'], backend);
  const defaultBackend = typeof input['backend'] === 'string' ? input['backend'] : knownPlugins().defaultBackend;
  set('--connect', ['backends', defaultBackend, 'connect'], connect);
  set('--bind', ['dns', 'bind'], bind);
  set('--listen', ['dns', 'port'], listen);
  set('--ttl', ['dns', 'ttl'], ttl);
  set('--port', ['dns', 'forwarderPort'], port);
  set('--forwarder', ['dns', 'forwarders'], forwarders(forwarder));
  set('--delay', ['boot', 'delay'], delay);
  set('--mode', ['stop', 'mode'], mode);
  set('--persistdb', ['state', 'path'], persistdb);
  set('--control', ['control', 'socket'], control);
  set('--log-level', ['log', 'level'], logLevel);
  for (const [key, value] of Object.entries(further)) {
    if (value === undefined) continue;
    const name = snakeCase(key).replaceAll('_', '-');
    const flag = (await loader.providerOf('startFlags', name))?.manifest.startFlags?.[name];
    if (flag === undefined) {
      unknown.push([`--${name}`, value]);
      continue;
    }
    const path = flag.sets.split('.');
    set(`--${name}`, path, value);
    // A problem of the whole group concerns the flag too, such as a missing plugin.
    labels.set(path.slice(0, -1).join('.'), `--${name}`);
  }
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
