import { errorCode } from '../../errors.js';

/** No route, no address, no device, a rule or a limit of this machine. */
const LOCAL: readonly (string | undefined)[] = [
  ...['ENETUNREACH', 'ENETDOWN', 'ENODEV', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'EPERM'],
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'],
];

/** A route of this machine, or a router on the way. */
const AMBIGUOUS: readonly (string | undefined)[] = ['EHOSTUNREACH', 'EHOSTDOWN', 'EACCES', 'ENOPROTOOPT'];

/** Whether a message could not leave this machine, which says nothing about the upstream. */
export function isLocalError(error: Error): boolean {
  return LOCAL.includes(errorCode(error));
}

/**
 * Whether it may be the socket that is of no use any more: a connected one keeps the source address that it was opened
 * with, also when this machine has lost it.
 */
export function mayBeStaleSocket(error: Error): boolean {
  return isLocalError(error) || AMBIGUOUS.includes(errorCode(error));
}
