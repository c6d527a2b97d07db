import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localAccounts, localGroups } from './accounts.js';
import { isInNamespace } from './user-namespace.js';

/** The file, folder or link by which somebody who is not trusted could change what a path leads to. */
export interface UnsafePlace {
  readonly path: string;
  /** What is wrong with it and what helps, as the rest of a sentence that begins with the path. */
  readonly problem: string;
}

/** The bound on links in one path, as in path_resolution(7). */
const MOST_LINKS = 40;

const STICKY = 0o1000;

/** Its owner is that of the installed Jitsu, also where its code was built or bundled by somebody else. */
const PACKAGE = fileURLToPath(new URL('../../package.json', import.meta.url));

/**
 * Finds what makes a path unsafe: the path itself, each folder above it and each link on the way has to belong to a
 * trusted user, and nobody else may write to it. A group may where it has no members but trusted users. Whoever may
 * write to a sticky folder such as /tmp cannot replace what belongs to others, so it may be a folder above the path.
 *
 * Of a path that does not exist, what does exist is checked. Once it was made, it has to be checked again where a
 * folder above it is sticky. Where the system has no users by number, nothing is found. Throws file system errors.
 *
 * @param trusted the numbers of the users whose doing is trusted
 */
export function findUnsafe(path: string, trusted: ReadonlySet<number> = trustedUsers()): UnsafePlace | undefined {
  if (process.getuid === undefined) return undefined;
  const names = namesIn(resolve(path));
  let place: string = sep;
  let stats: Stats | undefined = lstatSync(place);
  let links = 0;
  for (;;) {
    const problem = ownerProblem(stats, trusted) ?? writersProblem(stats, trusted, names.length > 0);
    if (problem !== undefined) return { path: place, problem };
    if (stats.isSymbolicLink()) {
      links += 1;
      if (links > MOST_LINKS) return { path: place, problem: 'is one of too many symbolic links' };
      const target = readlinkSync(place);
      names.unshift(...namesIn(target));
      place = isAbsolute(target) ? sep : dirname(place);
    } else {
      const name = names.shift();
      if (name === undefined) return undefined;
      place = name === '..' ? dirname(place) : join(place, name);
    }
    stats = lstatSync(place, { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
  }
}

/**
 * The same for all that a folder holds, except for `node_modules` in it. The folder itself is taken for safe. Where a
 * link leads to a folder, what that holds is checked, too.
 *
 * @param seen the folders that were checked already; this one is added
 */
export function findUnsafeIn(
  folder: string,
  trusted: ReadonlySet<number> = trustedUsers(),
  seen = new Set<string>(),
): UnsafePlace | undefined {
  if (process.getuid === undefined || seen.has(folder)) return undefined;
  seen.add(folder);
  for (const name of readdirSync(folder)) {
    if (name === 'node_modules') continue;
    const path = join(folder, name);
    const stats = lstatSync(path);
    const problem = ownerProblem(stats, trusted) ?? writersProblem(stats, trusted, false);
    if (problem !== undefined) return { path, problem };
    const unsafe = stats.isSymbolicLink()
      ? (findUnsafe(path, trusted) ?? (isFolder(path) ? findUnsafeIn(realpathSync(path), trusted, seen) : undefined))
      : stats.isDirectory()
        ? findUnsafeIn(path, trusted, seen)
        : undefined;
    if (unsafe !== undefined) return unsafe;
  }
  return undefined;
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

/**
 * The users whose files Jitsu trusts: root, the user that it runs as, and the owner of its own code; for root also the
 * user who became root by sudo(8).
 */
export function trustedUsers(env: NodeJS.ProcessEnv = process.env): ReadonlySet<number> {
  const own = process.geteuid?.() ?? 0;
  const installed = lstatSync(PACKAGE, { throwIfNoEntry: false });
  const trusted = new Set([0, own, installed?.uid ?? 0]);
  const behind = env['SUDO_UID'] ?? '';
  if (own === 0 && /^\d+$/.test(behind)) trusted.add(Number(behind));
  return trusted;
}

function namesIn(path: string): string[] {
  return path.split(sep).filter((name) => name !== '' && name !== '.');
}

function ownerProblem({ uid }: Stats, trusted: ReadonlySet<number>): string | undefined {
  if (trusted.has(uid) || isOutside(uid)) return undefined;
  return `belongs to the user with the number ${uid}, and Jitsu runs as ${process.geteuid?.()}`;
}

/** @param isAbove whether what matters lies below it */
function writersProblem(stats: Stats, trusted: ReadonlySet<number>, isAbove: boolean): string | undefined {
  // The mode of a link says nothing (symlink(7)).
  if (stats.isSymbolicLink() || (isAbove && (stats.mode & STICKY) !== 0)) return undefined;
  if ((stats.mode & 0o002) !== 0) {
    const isMeant = (stats.mode & STICKY) !== 0;
    return `may be written by others (${isMeant ? 'a folder of your own in it is safe' : 'chmod go-w makes it safe'})`;
  }
  if ((stats.mode & 0o020) === 0 || isGroupOf(trusted, stats)) return undefined;
  return `may be written by the group with the number ${stats.gid} (chmod g-w makes it safe)`;
}

/** Whether only trusted users are in a group: the owner's own, or one such as staff without members. */
function isGroupOf(trusted: ReadonlySet<number>, { uid, gid }: Stats): boolean {
  if (uid === 0 && gid === 0) return true;
  const users = localAccounts();
  const group = localGroups().find((local) => local.gid === gid);
  // A group that is not known here may be one of a directory service, with whatever members.
  if (group === undefined) return false;
  const members = group.members.map((name) => users.find((user) => user.name === name)?.uid);
  members.push(...users.filter((user) => user.gid === gid).map((user) => user.uid));
  return members.every((member) => member !== undefined && trusted.has(member));
}

/**
 * Whether the number stands for all users that a user namespace has none for, as in one of a single user, where all
 * that belongs to the real root has this owner (user_namespaces(7)).
 */
function isOutside(uid: number): boolean {
  return uid === overflowUid() && isInNamespace('uid', uid) === false;
}

function overflowUid(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'));
  } catch {
    return undefined;
  }
}
