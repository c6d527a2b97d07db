import type {
  ControlClient,
  InstalledPlugin,
  Jitsu,
  Logger,
  LoggerOptions,
  OptionDescription,
  Registry,
  Settings,
  SettingsRequest,
} from '@jitsud/core';

export type { InstalledPlugin, Jitsu, Logger, OptionDescription, Registry, Settings, SettingsRequest };

/** All that the commands call of the core. */
export interface Core {
  loadSettings(request: SettingsRequest): Promise<Settings>;
  loadRegistry(request: { readonly directory: string }): Promise<Registry>;
  jsonSchema(contributions: Registry['contributions']): object;
  commonOptions(): readonly OptionDescription[];
  describeOptions(schema: Registry['contributions']['backends'] extends { all(): readonly (infer B extends { unikernel: unknown })[] } ? B['unikernel'] : never): readonly OptionDescription[];
  createLogger(options: LoggerOptions): Logger;
  createJitsu(settings: Settings, parts: { readonly logger: Logger }): Promise<Jitsu>;
  ControlClient: new (socket: string) => ControlClient;
  defaultControlSocket(): string;
}
