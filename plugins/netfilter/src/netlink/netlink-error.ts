import { getSystemErrorName } from 'node:util';

/** What the kernel has refused, or a call that has failed. */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';

  /**
   * @param doing as `add a chain`
   * @param code as `EPERM`
   * @param reason the kernel's own words, where it has some
   */
  constructor(
    doing: string,
    readonly code: string,
    reason = '',
  ) {
    super(`cannot ${doing}: ${code}${reason === '' ? '' : ` (${reason})`}`);
  }
}

/** The code of an error number as the kernel writes it: negative. */
export function codeOf(errorNumber: number): string {
  // libuv does not name all of them.
  if (errorNumber >= 0 || errorNumber < -4_095) return `error ${errorNumber}`;
  return getSystemErrorName(errorNumber);
}
