/** The command line is invalid; nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** @param command the command whose `--help` to suggest; `undefined` for the help of `jitsu` itself */
  constructor(
    message: string,
    readonly command?: string,
    /** Whether the error is an unknown flag of `jitsu start`, which a plugin may have declared. */
    readonly isUnknownStartFlag = false,
  ) {
    super(message);
  }
}
