const EXPLANATIONS: Readonly<Record<string, string>> = {
  E2BIG: 'it is too long',
  EACCES: 'permission denied',
  EAGAIN: 'others changed what the transaction has used',
  EEXIST: 'it is there already',
  EINVAL: 'it makes no sense to xenstored',
  EIO: 'xenstored is damaged',
  ENOENT: 'there is no such node',
  ENOMEM: 'xenstored is out of memory',
  ENOSPC: 'a quota is used up',
  ENOSYS: 'this xenstored cannot do it',
  EROFS: 'the connection may only read',
};

/**
 * A refusal by xenstored, or by this client before it sends the request. `code` is the name of the errno, as in Node's
 * own errors: `ENOENT` for a node that does not exist, `EACCES`, `EINVAL`, `E2BIG`, `EAGAIN`, ….
 */
export class XenstoreError extends Error {
  override readonly name = 'XenstoreError';

  /** @param action the request, as in "read /local/domain/1/name" */
  constructor(
    readonly code: string,
    readonly action: string,
    explanation = EXPLANATIONS[code],
  ) {
    super(`xenstored does not ${action}: ${code}${explanation === undefined ? '' : `, ${explanation}`}`);
  }
}
