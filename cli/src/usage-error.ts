/** The command line is not understood; nothing was done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  /** `command` is whose `--help` helps, `undefined` where that is the help of `jitsu` itself. */
  constructor(
    message: string,
    readonly command?: string,
  ) {
    super(message);
  }
}
