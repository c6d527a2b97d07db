import { readFileSync } from 'node:fs';

/** A line of /etc/passwd (passwd(5)). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Absent where the line ends before it. */
  readonly home?: string;
}

/** A line of /etc/group (group(5)). */
export interface AccountGroup {
  readonly name: string;
  readonly gid: number;
  /** The names of its members, but for those whose own group it is. */
  readonly members: readonly string[];
}

/** The accounts in the text of such a file as /etc/passwd. */
export function parseAccounts(text: string): Account[] {
  return fieldsOf(text).flatMap(([name, , uid, gid, , home]) =>
    name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid), ...(home !== undefined && { home }) }] : [],
  );
}

/** The groups in the text of such a file as /etc/group. */
export function parseGroups(text: string): AccountGroup[] {
  return fieldsOf(text).flatMap(([name, , gid, members = '']) =>
    name && gid ? [{ name, gid: Number(gid), members: members.split(',').filter((member) => member !== '') }] : [],
  );
}

/** The users of this machine; none where there is no such file. */
export function localAccounts(): readonly Account[] {
  return parseAccounts(textOf('/etc/passwd'));
}

/** The groups of this machine; none where there is no such file. */
export function localGroups(): readonly AccountGroup[] {
  return parseGroups(textOf('/etc/group'));
}

function fieldsOf(text: string): string[][] {
  return text.split('\n').map((line) => line.split(':'));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
