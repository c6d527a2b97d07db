import { errorCode, errorMessage, JitsuError } from '@jitsud/core/plugin';

const DENIED = new Set(['EACCES', 'EPERM']);
const ABSENT = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/** The error for a socket that cannot be connected to. */
export function cannotConnect(socket: string, cause: unknown): JitsuError {
  const code = errorCode(cause) ?? '';
  if (DENIED.has(code)) {
    const advice = 'Run Jitsu as root, or as a user who may write to the socket.';
    const message = `xenstored at ${socket} does not let us in: ${errorMessage(cause)}. ${advice}`;
    return new JitsuError('JITSU_BACKEND_DENIED', message, { cause });
  }
  return unreachable(socket, `${errorMessage(cause)}.${adviceFor(code)}`, cause);
}

/** The error for a connection that is lost, or was never open. */
export function unreachable(socket: string, what: string, cause?: unknown): JitsuError {
  return new JitsuError('JITSU_BACKEND_UNREACHABLE', `xenstored at ${socket} cannot be asked: ${what}`, { cause });
}

function adviceFor(code: string): string {
  if (code === 'EAGAIN') return ' It takes no connections: does it hang?';
  if (!ABSENT.has(code)) return '';
  return ' Is this a Xen dom0, and does xenstored run? Where its socket is elsewhere, XENSTORED_PATH names it.';
}
