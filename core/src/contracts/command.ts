/** Where a command writes. */
export interface CommandTerminal {
  /** Results. */
  out(text: string): void;
  /** Errors and remarks. */
  err(text: string): void;
}

/** A command of `jitsu` that a plugin brings. Its flags, as its schema parsed them, are injected as `optionsOf(schema)`. */
export interface Command {
  /** Resolves when it has done its work, or has ended in order because the signal has aborted. */
  run(terminal: CommandTerminal, signal: AbortSignal): Promise<void>;
}
