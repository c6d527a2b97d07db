import { readFileSync } from 'node:fs';

/** A line of /etc/passwd (passwd(5)). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The users of this machine; none where there is no such file. */
export function localAccounts(): readonly Account[] {
  return linesOf('/etc/passwd').flatMap(([name, , uid, gid, , home = '']) =>
    name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid), home }] : [],
  );
}

/** A line of /etc/group (group(5)). */
export interface AccountGroup {
  readonly gid: number;
  /** The names of its members, but for those whose own group it is. */
  readonly members: readonly string[];
}

/** The groups of this machine; none where there is no such file. */
export function localGroups(): readonly AccountGroup[] {
  return linesOf('/etc/group').flatMap(([name, , gid, members = '']) =>
    name && gid ? [{ gid: Number(gid), members: members.split(',').filter((member) => member !== '') }] : [],
  );
}

function linesOf(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
}
