import { fileURLToPath } from 'node:url';
import { JitsuError, errorCode, errorMessage } from '../errors.js';
import { shellWord } from '../plugin-kit/shell-word.js';

/** JITSU_STORE_UNREADABLE for a damaged store. */
export function storeDamaged(path: string, what: string, options?: ErrorOptions): JitsuError {
  return unreadable(
    path,
    what,
    `Move it away (mv ${path} ${path}.damaged) to start with an empty one, or put a backup in its place.`,
    options,
  );
}

/** JITSU_STORE_UNREADABLE for a system error, or one of SQLite, while the store is opened. */
export function storeInaccessible(path: string, error: unknown): JitsuError {
  const what = errorMessage(error);
  const code = errorCode(error) ?? '';
  const known = Object.entries(remedies).find(([start]) => code.startsWith(start));
  return unreadable(path, what, known?.[1] ?? remedy, { cause: error });
}

/** JITSU_STORE_UNREADABLE where SQLite cannot be loaded. */
export function storeWithoutLibrary(path: string, error: unknown, advice: string): JitsuError {
  const [what = ''] = errorMessage(error).split('\n', 1);
  return unreadable(path, what, `${advice}. Without state.path, Jitsu needs no store.`, { cause: error });
}

/** JITSU_STORE_UNREADABLE for a store of a Jitsu that used LMDB. */
export function storeOfLmdb(path: string): JitsuError {
  const program = fileURLToPath(new URL('./import-lmdb.js', import.meta.url));
  const command = `npx --yes --package=lmdb@3.5.6 -- node ${shellWord(program)} ${shellWord(path)}`;
  const advice = `This takes it over, once: ${command} (or move it away to start with an empty one)`;
  return unreadable(path, 'it is of an earlier Jitsu, which used LMDB', advice);
}

/** JITSU_STORE_UNREADABLE for a failed write. */
export function storeNotWritten(path: string, error: unknown, advice = 'Is its disk full, or failing?'): JitsuError {
  const what = errorMessage(error).replace(/\.$/, '');
  const message = `The store at ${path} could not be written: ${what}. What it held before is unharmed. ${advice}`;
  return new JitsuError('JITSU_STORE_UNREADABLE', message, { cause: error });
}

/** JITSU_STORE_IN_USE. @param pid the process that writes to it */
export function storeInUse(path: string, pid: number): JitsuError {
  return new JitsuError(
    'JITSU_STORE_IN_USE',
    `The store at ${path} is in use by process ${pid}. Stop that Jitsu first, or give this one a folder of its own ` +
      `with --persistdb.`,
  );
}

const remedy = 'Correct that, or name another folder with --persistdb.';
const access = `Give the user that runs Jitsu access to it, or name another folder with --persistdb.`;
const readOnly = `Its disk can only be read: make it writable, or name a folder on another one with --persistdb.`;
const full = `Its disk is full: make room, or name a folder on another one with --persistdb.`;
const remedies: Readonly<Record<string, string>> = {
  EACCES: access,
  EPERM: access,
  SQLITE_PERM: access,
  SQLITE_CANTOPEN: access,
  EROFS: readOnly,
  SQLITE_READONLY: readOnly,
  ENOTDIR: `The store is a folder: name one with --persistdb.`,
  ENOSPC: full,
  EDQUOT: full,
  SQLITE_FULL: full,
  SQLITE_IOERR: `Is its disk full, or failing? Correct that, or name a folder on another one with --persistdb.`,
};

function unreadable(path: string, what: string, advice: string, options?: ErrorOptions): JitsuError {
  const message = `The store at ${path} cannot be used: ${what.replace(/\.$/, '')}. Nothing in it was changed. ${advice}`;
  return new JitsuError('JITSU_STORE_UNREADABLE', message, options);
}
