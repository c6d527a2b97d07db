import { closeSync, constants, fchmodSync, fchownSync, fstatSync, openSync } from 'node:fs';
import type { Launch } from '../contracts/spawner.js';
import type { JitsuUser } from './spawn-order.js';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

/**
 * Opens a file for the output of a program, to append to it. The program's user may open it again by `> /dev/stderr`: it
 * belongs to him or, once Jitsu is another user, to his group, so that no program can keep Jitsu from emptying it. Throws
 * the system's error.
 *
 * Once Jitsu is another user, it has made the file itself, and may have been taken over: what is not of its user, or has
 * another name elsewhere, might be any file of the system.
 *
 * @param user the one that Jitsu has become
 */
export function openOutput(path: string, { account }: Pick<Launch, 'account'>, user?: JitsuUser): number {
  const file =
    user === undefined
      ? openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
      : openSync(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK);
  try {
    if (user !== undefined) checkMaker(path, file, user);
    if (typeof account === 'object') give(file, account, user);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function checkMaker(path: string, file: number, user: JitsuUser): void {
  const stats = fstatSync(file);
  if (stats.isFile() && stats.nlink === 1 && stats.uid === user.uid) return;
  throw Object.assign(new Error(`${path} is no file that Jitsu has made`), { code: 'EPERM', path });
}

/** The program opens it by its group. Nobody else of that group can enter the folder. */
export const SHARED_MODE = 0o660;

function give(file: number, account: JitsuUser, user?: JitsuUser): void {
  // Jitsu makes it so: a root without CAP_FOWNER may change the mode of no file of others.
  if (user !== undefined && (fstatSync(file).mode & 0o777) !== SHARED_MODE) fchmodSync(file, SHARED_MODE);
  fchownSync(file, user?.uid ?? account.uid, account.gid);
}
