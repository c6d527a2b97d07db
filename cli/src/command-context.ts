import type { Control, Core } from './core.js';
import type { Terminal } from './terminal.js';

/** What a command works with. */
export interface CommandContext {
  readonly core: Core;
  readonly terminal: Terminal;
  /** The folder in which the command was given. */
  readonly directory: string;
}

/** What a command works with that asks a running Jitsu. */
export interface ControlContext extends Omit<CommandContext, 'core'> {
  readonly core: Control;
}
