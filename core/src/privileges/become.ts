import { readdirSync, readFileSync } from 'node:fs';
import { errorCode } from '../errors.js';
import { isInNamespace } from '../files/user-namespace.js';
import { takeEffectiveUser } from '../plugin-kit/effective-user.js';
import type { RunUser } from './run-user.js';

/** capabilities(7): what it takes to give folders away, and to become another user. */
const NEEDED = { CAP_CHOWN: 0, CAP_SETGID: 6, CAP_SETUID: 7 };

/** A user or group that setresuid(2) and setresgid(2) leave as it is. */
const UNCHANGED = 0xffff_ffff;

/** What keeps this process, which runs as root, from becoming a user; `undefined` where nothing does. */
export function cannotBecome({ uid, gid }: RunUser): string | undefined {
  // Node refuses, since the kernel would carry out what is queued there as root.
  if (!['', '0'].includes(process.env['UV_USE_IO_URING'] ?? '')) return 'UV_USE_IO_URING is set, and so Node cannot';
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(read('/proc/self/status'))?.[1] ?? '0'}`);
  const missing = Object.entries(NEEDED).find(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n);
  if (missing !== undefined) return `root lacks ${missing[0]} here`;
  const isKnown = isInNamespace('uid', uid) === true && isInNamespace('gid', gid) === true;
  if (read('/proc/self/setgroups').trim() === 'deny' || !isKnown) {
    return 'this user namespace does not have that user';
  }
  return undefined;
}

/**
 * Becomes a user for good, with all threads. Throws where that fails, or where anything of root is left.
 *
 * The kernel takes all capabilities from a process that gives up root, and lets it neither be traced nor dump its memory
 * into a file.
 */
export function become({ uid, gid, groups, name, home }: RunUser): void {
  process.setgroups?.([...groups]);
  process.setgid?.(gid);
  process.setuid?.(uid);
  for (const thread of readdirSync('/proc/self/task')) checkThread(thread, uid, gid);
  checkNoWayBack();
  // Libraries look for files of their user there.
  process.env['HOME'] = home ?? '/';
  if (name !== undefined) Object.assign(process.env, { USER: name, LOGNAME: name });
}

/**
 * Does something as a user, and is root again afterwards. Nothing else may run meanwhile.
 *
 * Where koffi is there, the real user and group are theirs, too: libvirt refuses to run in a program whose real user is
 * not the effective one, as it would be in a set-user-id program, and for as long as the process lives.
 */
export async function actAs<T>(user: RunUser, action: () => Promise<T>): Promise<T> {
  const takeRealUser = await loadTakeRealUser();
  const goBack = takeEffectiveUser(user);
  try {
    const goHalfBack = takeRealUser(user);
    try {
      return await action();
    } finally {
      goHalfBack();
    }
  } finally {
    goBack();
  }
}

/** Gives what root has the effective user and group of, the real ones as well. @returns makes it root again */
type TakeRealUser = (user: RunUser) => () => void;

async function loadTakeRealUser(): Promise<TakeRealUser> {
  try {
    const { default: koffi } = await import('koffi');
    const library = koffi.load(null);
    type SetIds = (real: number, effective: number, saved: number) => number;
    // Functions of the C library, which change all threads.
    const setUsers = library.func('int setresuid(uint, uint, uint)') as unknown as SetIds;
    const setGroups = library.func('int setresgid(uint, uint, uint)') as unknown as SetIds;
    return ({ uid, gid }) => {
      const group = process.getgid?.() ?? 0;
      setGroups(gid, UNCHANGED, UNCHANGED);
      setUsers(uid, UNCHANGED, UNCHANGED);
      return () => {
        if (setUsers(0, 0, UNCHANGED) !== 0 || setGroups(group, UNCHANGED, UNCHANGED) !== 0)
          throw new Error('this process could not become root again');
      };
    };
  } catch {
    return () => () => undefined;
  }
}

function checkThread(thread: string, uid: number, gid: number): void {
  const status = read(`/proc/self/task/${thread}/status`);
  // It has ended meanwhile.
  if (status === '') return;
  const numbers = (field: string): string =>
    new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1]?.replace(/\s+/g, ' ') ?? '';
  const four = (number: number): string => Array(4).fill(number).join(' ');
  const isGivenUp = numbers('Uid') === four(uid) && numbers('Gid') === four(gid) && /^0+$/.test(numbers('CapPrm'));
  if (!isGivenUp) throw new Error(`the thread ${thread} has kept rights of root`);
}

function checkNoWayBack(): void {
  try {
    process.setuid?.(0);
  } catch (error) {
    if (errorCode(error) === 'EPERM') return;
    throw error;
  }
  throw new Error('it can become root again');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
