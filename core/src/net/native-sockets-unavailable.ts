/** Native socket calls are not available on this machine. The message says why, as the second half of a sentence. */
export class NativeSocketsUnavailable extends Error {
  override readonly name = 'NativeSocketsUnavailable';
}
