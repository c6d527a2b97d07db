import { knownPlugins } from '../plugins/known-plugins.js';
import type { PluginLoader } from '../plugins/plugin-loader.js';
import { snakeCase } from './json-schema.js';

/** The flags of the command line that stand for settings; each overrides what the configuration file says. */
export interface StartFlags {
  /** Addresses to answer on. */
  readonly bind?: readonly string[];
  /** The URI for the default backend's connection. */
  readonly connect?: string;
  /** Seconds to wait after a boot. */
  readonly delay?: number;
  /** Upstream servers; `0.0.0.0` turns forwarding off. */
  readonly forwarder?: readonly string[];
  /** The port to answer on. */
  readonly listen?: number;
  /** The stop mode. */
  readonly mode?: string;
  /** The forwarders' port. */
  readonly port?: number;
  /** Where the durable store lies. */
  readonly persistdb?: string;
  /** Seconds. */
  readonly ttl?: number;
  /** The default backend. */
  readonly backend?: string;
  /** Where the control socket lies. */
  readonly control?: string;
  readonly logLevel?: string;
  /** A flag that a plugin's package.json declares, in camelCase. */
  readonly [ofPlugin: string]: number | string | readonly string[] | undefined;
}

type Group = Readonly<Record<string, unknown>>;

/** A configuration as it was written, with the flags laid over it. */
export interface FlaggedInput {
  readonly input: Group;
  /** Which flag has set a path: `dns.ttl` → `--ttl`. */
  readonly labels: ReadonlyMap<string, string>;
  /** Flags, as they are written, with their values, that neither Jitsu has nor a plugin declares. */
  readonly unknown: readonly (readonly [flag: string, value: unknown])[];
}

/** Lays the flags over a configuration: what a flag says counts, whatever the file says. */
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
  const usual = typeof input['backend'] === 'string' ? input['backend'] : knownPlugins().defaultBackend;
  set('--connect', ['backends', usual, 'connect'], connect);
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
    // What there is to say of the whole group is about the flag, too: that its plugin is missing.
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
  // What is no group is wrong anyway, and a flag must not hide that the file is: the schema sees it in place.
  if (rest.length > 0 && inner !== undefined && !isGroup(inner)) return group;
  return { ...group, [key]: rest.length === 0 ? value : withValue(isGroup(inner) ? inner : {}, rest, value) };
}

function isGroup(value: unknown): value is Group {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
