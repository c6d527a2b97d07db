import { spawnSync } from 'node:child_process';
import { localAccounts, localGroups } from '../files/accounts.js';
import { systemCommand } from '../plugin-kit/system-command.js';

/** The user that Jitsu becomes when it gives up root. */
export interface RunUser {
  readonly uid: number;
  readonly gid: number;
  /** The numbers of its supplementary groups. */
  readonly groups: readonly number[];
  /** Absent for a number without an account. */
  readonly name?: string;
  readonly home?: string;
}

/** The account that is used where none is configured. */
const ACCOUNT = 'jitsu';

/**
 * Where there is no such account, the first of these numbers that has none. systemd leaves them to nobody ("Users,
 * Groups, UIDs and GIDs on systemd Systems"), and no distribution gives them out.
 */
const HIGHEST_FREE = 65_533;
const LOWEST_FREE = 65_520;

/** The user with a name or number; a number needs no account. `undefined` for an unknown name. */
export function findRunUser(user: string | number): RunUser | undefined {
  const wanted = typeof user === 'string' && /^\d+$/.test(user) ? Number(user) : user;
  const account = localAccounts().find(({ name, uid }) => name === wanted || uid === wanted);
  if (account !== undefined) {
    const { uid, gid, name, home = '' } = account;
    return { uid, gid, name, home, groups: groupsOf(name, gid) };
  }
  if (typeof wanted === 'number') return { uid: wanted, gid: wanted, groups: [] };
  return askSystem(wanted);
}

/**
 * The user that Jitsu becomes where none is configured.
 * @param trusted the users whose doing root trusts, none of which it is
 */
export function defaultRunUser(trusted: ReadonlySet<number>): RunUser | undefined {
  const account = findRunUser(ACCOUNT);
  if (account !== undefined && account.uid !== 0 && !trusted.has(account.uid)) return account;
  const taken = new Set([
    ...localAccounts().flatMap(({ uid, gid }) => [uid, gid]),
    ...localGroups().map(({ gid }) => gid),
  ]);
  for (let number = HIGHEST_FREE; number >= LOWEST_FREE; number -= 1) {
    if (!taken.has(number) && !trusted.has(number)) return { uid: number, gid: number, groups: [] };
  }
  return undefined;
}

/** `jitsu (uid 998)`, or `the user with the number 65533`. */
export function userInWords({ name, uid }: Pick<RunUser, 'name' | 'uid'>): string {
  return name === undefined ? `the user with the number ${uid}` : `${name} (uid ${uid})`;
}

function groupsOf(name: string, own: number): readonly number[] {
  const further = localGroups().filter(({ members }) => members.includes(name));
  return [...new Set([own, ...further.map(({ gid }) => gid)])];
}

/** A user of a directory service, by id(1). */
function askSystem(name: string): RunUser | undefined {
  const ask = (flag: string): number[] => {
    const { file, words, env } = systemCommand('id', [flag, '--', name]);
    const { status, stdout } = spawnSync(file, words, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return status === 0 ? stdout.trim().split(/\s+/).map(Number) : [];
  };
  const [[uid], [gid], groups] = [ask('-u'), ask('-g'), ask('-G')];
  return uid === undefined || gid === undefined ? undefined : { uid, gid, groups, name };
}
