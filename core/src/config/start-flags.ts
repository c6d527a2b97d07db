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
  /** The uuid of a running Synjitsu. */
  readonly synjitsu?: string;
  /** Seconds. */
  readonly ttl?: number;
  /** The default backend. */
  readonly backend?: string;
  /** Where the control socket lies. */
  readonly control?: string;
  readonly logLevel?: string;
}

type Group = Readonly<Record<string, unknown>>;

/** A configuration as it was written, with the flags laid over it. */
export interface FlaggedInput {
  readonly input: Group;
  /** Which flag has set a path: `dns.ttl` → `--ttl`. */
  readonly labels: ReadonlyMap<string, string>;
}

/** Lays the flags over a configuration: what a flag says counts, whatever the file says. */
export function applyFlags(file: Group, flags: StartFlags): FlaggedInput {
  const labels = new Map<string, string>();
  let input = file;
  const set = (flag: string, path: readonly string[], value: unknown): void => {
    if (value === undefined) return;
    labels.set(path.join('.'), `--${flag}`);
    input = withValue(input, path, value);
  };

  set('backend', ['backend'], flags.backend);
  const backend = typeof input['backend'] === 'string' ? input['backend'] : 'libvirt';
  set('connect', ['backends', backend, 'connect'], flags.connect);
  set('bind', ['dns', 'bind'], flags.bind);
  set('listen', ['dns', 'port'], flags.listen);
  set('ttl', ['dns', 'ttl'], flags.ttl);
  set('port', ['dns', 'forwarderPort'], flags.port);
  set('forwarder', ['dns', 'forwarders'], forwarders(flags.forwarder));
  set('delay', ['boot', 'delay'], flags.delay);
  set('mode', ['stop', 'mode'], flags.mode);
  set('persistdb', ['state', 'path'], flags.persistdb);
  set('synjitsu', ['notifiers', 'synjitsu', 'uuid'], flags.synjitsu);
  // What there is to say of the whole entry is about the flag, too: that its plugin is missing.
  if (flags.synjitsu !== undefined) labels.set('notifiers.synjitsu', '--synjitsu');
  set('control', ['control', 'socket'], flags.control);
  set('log-level', ['log', 'level'], flags.logLevel);
  return { input, labels };
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
