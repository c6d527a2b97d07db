import type { StartFlags } from '@jitsud/core';
import type { ControlChoice } from './control-location.js';

/** The parsed command line. */
export type CommandLine =
  | { readonly command: 'start'; readonly words: readonly string[]; readonly options: StartChoice }
  | {
      readonly command: 'check';
      readonly words: readonly string[];
      readonly options: StartChoice & { readonly schema?: true; readonly offline?: true };
    }
  | { readonly command: 'status'; readonly name?: string; readonly options: StatusChoice }
  | { readonly command: 'summon'; readonly name: string; readonly options: ControlChoice }
  | { readonly command: 'stop'; readonly name: string; readonly options: ControlChoice & { readonly mode?: string } }
  | { readonly command: 'keep'; readonly name: string; readonly options: KeepChoice }
  | { readonly command: 'flush'; readonly name?: string; readonly options: ControlChoice }
  | { readonly command: 'resolve'; readonly name: string; readonly type?: string; readonly options: ResolveChoice }
  | { readonly command: 'plugins'; readonly options: { readonly json?: true } };

export interface StartChoice extends StartFlags {
  /** The configuration file. */
  readonly config?: string;
}

export interface StatusChoice extends ControlChoice {
  /** The interval in seconds; `true` for the default. */
  readonly watch?: true | number;
  /** The name of the unikernel; `true` for all. */
  readonly history?: true | string;
  readonly limit: number;
  readonly json?: true;
}

export interface KeepChoice extends ControlChoice {
  readonly for?: string;
  readonly until?: string;
}

export interface ResolveChoice extends ControlChoice {
  readonly server?: string;
  readonly port?: number;
  readonly tcp?: true;
  /** The timeout of each attempt in seconds. */
  readonly timeout: number;
  readonly json?: true;
}
