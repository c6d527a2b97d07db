/** Datagrams cannot be taken by mmsg on this machine. The message says why, as the second half of a sentence. */
export class MmsgUnavailable extends Error {
  override readonly name = 'MmsgUnavailable';
}
