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
} from '@jitsud/core';
import type { ControlClient, RuntimeRecord } from '@jitsud/core/control';

/** What the commands need that ask a running Jitsu; little has to be loaded for it. */
export interface Control {
  controlClient(socket: string): Pick<ControlClient, 'status' | 'summon' | 'stop' | 'flush' | 'history'>;
  defaultControlSocket(): string;
  /** Every Jitsu of this user that runs. */
  runningJitsus(): readonly RuntimeRecord[];
  /** The configuration that a start in this folder would read; it is not run. */
  findConfigFile(directory: string): string | undefined;
  loadSettings(request: SettingsRequest): Promise<Settings>;
}

/** All that the commands call of the core. */
export interface Core extends Control {
  loadRegistry(request: { readonly directory: string }): Promise<Pick<Registry, 'builtIns' | 'plugins'>>;
  /** The JSON schema of the configuration file, with what the installed plugins add. */
  configurationSchema(request: { readonly directory: string }): Promise<object>;
  /** The keys of every unikernel, and the further ones of each installed backend. */
  unikernelOptions(request: { readonly directory: string }): Promise<UnikernelOptions>;
  /** The flags of `jitsu start` that installed plugins declare. */
  startFlags(request: { readonly directory: string }): Promise<readonly NamedStartFlag[]>;
  /** The commands that installed plugins bring. */
  pluginCommands(request: { readonly directory: string }): Promise<readonly PluginCommand[]>;
  /** What a configuration opens to the world, a sentence each. */
  exposures(settings: Settings): readonly string[];
  createLogger(options: LoggerOptions): Logger;
  createJitsu(
    settings: Settings,
    parts: { readonly logger: Logger },
  ): Promise<Pick<Jitsu, 'start' | 'stop' | 'listening' | 'udpTransport'>>;
  /** Tells the commands of this user that this process runs, until it is disposed. */
  recordRunning(record: Omit<RuntimeRecord, 'pid'>): Disposable;
}

export interface UnikernelOptions {
  readonly startFlags: readonly NamedStartFlag[];
  readonly common: readonly OptionDescription[];
  readonly backends: readonly BackendOptionList[];
  readonly commands: readonly Pick<PluginCommand, 'name' | 'description'>[];
  /** The plugins of which only what their package.json says is known. */
  readonly further?: readonly FurtherPlugin[];
}

export interface FurtherPlugin {
  /** Its package. */
  readonly name: string;
  /** What it brings, as sentences. */
  readonly brings: string;
}

export interface BackendOptionList {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionDescription[];
}
