/** The output of a command. */
export interface CommandTerminal {
  /** For results. */
  out(text: string): void;
  /** For errors and remarks. */
  err(text: string): void;
}

/** A command that a plugin adds to `jitsu`. Its flags, parsed by its schema, are injected as `optionsOf(schema)`. */
export interface Command {
  /** Resolves when the work is done, or when the command has ended cleanly because the signal has aborted. */
  run(terminal: CommandTerminal, signal: AbortSignal): Promise<void>;
}
