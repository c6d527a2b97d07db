import { JitsuError, errorCode, errorMessage } from '../errors.js';

/** JITSU_STORE_UNREADABLE for a damaged store. */
export function storeDamaged(path: string, what: string, options?: ErrorOptions): JitsuError {
  return unreadable(
    path,
    what,
    `Move it away (mv ${path} ${path}.damaged) to start with an empty one, or put a backup in its place.`,
    options,
  );
}

/** JITSU_STORE_UNREADABLE for a system error while the store is opened. */
export function storeInaccessible(path: string, error: unknown): JitsuError {
  const what = errorMessage(error);
  const code = errorCode(error) ?? /\b(EROFS|EACCES|EPERM)\b/.exec(what)?.[0];
  return unreadable(path, what, remedies[code ?? ''] ?? remedy, { cause: error });
}

/** JITSU_STORE_UNREADABLE where LMDB cannot be loaded. */
export function storeWithoutLibrary(path: string, error: unknown, advice: string): JitsuError {
  const [what = ''] = errorMessage(error).split('\n', 1);
  return unreadable(path, what, `${advice}. Without state.path, Jitsu needs no store.`, { cause: error });
}

/** JITSU_STORE_UNREADABLE for a failed write. */
export function storeNotWritten(path: string, error: unknown): JitsuError {
  const message =
    `The store at ${path} could not be written: ${errorMessage(error)}. What it held before is unharmed. ` +
    `Is its disk full, or failing?`;
  return new JitsuError('JITSU_STORE_UNREADABLE', message, { cause: error });
}

const remedy = 'Correct that, or name another folder with --persistdb.';
const remedies: Record<string, string> = {
  EACCES: `Give the user that runs Jitsu access to it, or name another folder with --persistdb.`,
  EPERM: `Give the user that runs Jitsu access to it, or name another folder with --persistdb.`,
  EROFS: `Its disk can only be read: make it writable, or name a folder on another one with --persistdb.`,
  ENOTDIR: `The store is a folder: name one with --persistdb.`,
  ENOSPC: `Its disk is full: make room, or name a folder on another one with --persistdb.`,
};

function unreadable(path: string, what: string, advice: string, options?: ErrorOptions): JitsuError {
  const message = `The store at ${path} cannot be used: ${what.replace(/\.$/, '')}. Nothing in it was changed. ${advice}`;
  return new JitsuError('JITSU_STORE_UNREADABLE', message, options);
}
