/** The command line is not understood; nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** `command` is whose `--help` helps, `undefined` where that is the help of `jitsu` itself. */
  constructor(
    message: string,
    readonly command?: string,
    /** Whether it is about a flag of start that a plugin may have declared. */
    readonly isUnknownStartFlag = false,
  ) {
    super(message);
  }
}
