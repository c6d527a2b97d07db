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

/** All that the commands call of the core. */
export interface Core {
  loadSettings(request: SettingsRequest): Promise<Settings>;
  loadRegistry(request: { readonly directory: string }): Promise<Registry>;
  jsonSchema(contributions: Registry['contributions']): object;
  createLogger(options: LoggerOptions): Logger;
  createJitsu(settings: Settings, parts: { readonly logger: Logger }): Promise<Pick<Jitsu, 'start' | 'stop' | 'listening'>>;
  controlClient(socket: string): Pick<ControlClient, 'status' | 'summon' | 'stop' | 'history'>;
  defaultControlSocket(): string;
}

export type { InstalledPlugin, Logger, OptionDescription, Registry, Settings, SettingsRequest };
