import type {
  Jitsu,
  Logger,
  LoggerOptions,
  OptionDescription,
  NamedStartFlag,
  PluginCommand,
  Registry,
  Settings,
  SettingsRequest,
  ShortDeadline,
} from '@jitsud/core';
import type { ControlClient, RuntimeRecord } from '@jitsud/core/control';

/** The part of the core that calls a running Jitsu; it loads only a few files. */
export interface Control {
  controlClient(
    socket: string,
  ): Pick<
    ControlClient,
    'status' | 'statusOf' | 'summon' | 'summonGroup' | 'stop' | 'stopGroup' | 'keep' | 'flush' | 'history'
  >;
  defaultControlSocket(): string;
  /** Every running Jitsu of this user. */
  runningJitsus(): readonly RuntimeRecord[];
  /** The one of these configuration files that `jitsu start` prefers in this folder. Nothing in it is read. */
  preferredConfig(directory: string, files: readonly string[]): string | undefined;
  loadSettings(request: SettingsRequest): Promise<Settings>;
}

/** The part of the core that the commands use. */
export interface Core extends Control {
  loadRegistry(request: { readonly directory: string }): Promise<Pick<Registry, 'builtIns' | 'plugins'>>;
  /** The JSON Schema of the configuration file, including the keys of the installed plugins. */
  configurationSchema(request: { readonly directory: string }): Promise<object>;
  /** The keys that every unikernel has, and those of each installed backend. */
  unikernelOptions(request: { readonly directory: string }): Promise<UnikernelOptions>;
  /** The flags of `jitsu start` that installed plugins declare. */
  startFlags(request: { readonly directory: string }): Promise<readonly NamedStartFlag[]>;
  /** The commands of the installed plugins. */
  pluginCommands(request: { readonly directory: string }): Promise<readonly PluginCommand[]>;
  /** The word that was probably meant. */
  nearestWord(mistyped: string, words: Iterable<string>): string | undefined;
  /** What the configuration exposes to the network, one sentence per item. */
  exposures(settings: Settings): readonly string[];
  /** How much memory a unikernel may have, in bytes, as far as its configuration tells. */
  unikernelMemory(settings: Settings, unikernel: Settings['unikernels'][number]): number | undefined;
  /** The deadlines that are too short by what is known of earlier boots. */
  heldBy(settings: Settings, unikernel: Settings['unikernels'][number], portOf: Jitsu['portOf']): readonly string[];
  sharedPorts(settings: Settings): Jitsu['sharedEndpoints'];
  keptByQueriesAlone(unikernels: Settings['unikernels'], isSeen: (backend: string) => boolean): readonly string[];
  shortDeadlines(
    unikernels: Settings['unikernels'],
    usualOf: (name: string) => number | undefined,
  ): readonly ShortDeadline[];
  createLogger(options: LoggerOptions): Logger;
  createJitsu(
    settings: Settings,
    parts: { readonly logger: Logger; readonly givesUpRoot?: boolean },
  ): Promise<
    Pick<
      Jitsu,
      | 'start'
      | 'stop'
      | 'check'
      | 'listening'
      | 'running'
      | 'udpTransport'
      | 'foretoldUser'
      | 'sharedEndpoints'
      | 'knowsTraffic'
      | 'portOf'
    >
  >;
  /** Records this process as running for other commands of this user, until it is disposed. */
  recordRunning(record: Omit<RuntimeRecord, 'pid'>): Disposable;
}

export interface UnikernelOptions {
  readonly startFlags: readonly NamedStartFlag[];
  readonly common: readonly OptionDescription[];
  readonly backends: readonly BackendOptionList[];
  readonly commands: readonly Pick<PluginCommand, 'name' | 'description'>[];
  /** The plugins without a manifest, described by their package.json only. */
  readonly further?: readonly FurtherPlugin[];
}

export interface FurtherPlugin {
  /** The name of its package. */
  readonly name: string;
  /** Its contributions, as sentences. */
  readonly brings: string;
}

export interface BackendOptionList {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionDescription[];
}
