import type { Control, Core } from './core.js';
import type { Terminal } from './terminal.js';

/** The context of a command that loads the core. */
export interface CommandContext {
  readonly core: Core;
  readonly terminal: Terminal;
  /** The folder in which the command was called. */
  readonly directory: string;
}

/** The context of a command that calls a running Jitsu. */
export interface ControlContext extends Omit<CommandContext, 'core'> {
  readonly core: Control;
}
