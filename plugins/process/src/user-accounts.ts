import { parseAccounts, parseGroups, systemCommand, type Clock } from '@jitsud/core/plugin';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { Remembered } from './remembered.js';

export interface UserAccount {
  readonly uid: number;
  readonly gid: number;
  readonly name?: string;
  readonly home?: string;
}

/** Finds users: in /etc/passwd, and by `id` those of a directory service. */
export class UserAccounts {
  readonly #local: Remembered<readonly Required<UserAccount>[]>;
  readonly #groups: Remembered<ReadonlyMap<string, number>>;
  readonly #remote: Remembered<Promise<UserAccount | undefined>>;

  constructor(
    clock: Clock,
    private readonly passwordFile = '/etc/passwd',
    private readonly groupFile = '/etc/group',
  ) {
    this.#groups = new Remembered(clock);
    this.#local = new Remembered(clock);
    this.#remote = new Remembered(clock);
  }

  /** An unknown number is its own group; an unknown name is undefined. */
  async find(user: string | number): Promise<UserAccount | undefined> {
    const accounts = this.#local.get([], () => readAccounts(this.passwordFile));
    const account = accounts.find(({ name, uid }) => user === name || user === uid);
    if (account !== undefined) return account;
    if (typeof user === 'number') return { uid: user, gid: user };
    return this.#remote.get([user], () => askSystem(user));
  }

  /** The number of a local group; an unknown name is undefined. */
  findGroup(group: string | number): number | undefined {
    return typeof group === 'number' ? group : this.#groups.get([], () => readGroups(this.groupFile)).get(group);
  }
}

/** Without a home, a line is none of passwd(5). */
function readAccounts(file: string): Required<UserAccount>[] {
  const accounts = parseAccounts(readFileSync(file, 'utf8'));
  return accounts.flatMap(({ home, ...account }) => (home === undefined ? [] : [{ ...account, home }]));
}

function readGroups(file: string): ReadonlyMap<string, number> {
  return new Map(parseGroups(readFileSync(file, 'utf8')).map(({ name, gid }) => [name, gid]));
}

async function askSystem(name: string): Promise<UserAccount | undefined> {
  const ask = async (flag: string): Promise<number> => {
    const { file, words, env } = systemCommand('id', [flag, '--', name]);
    return Number((await promisify(execFile)(file, words, { env })).stdout);
  };
  try {
    return { name, uid: await ask('-u'), gid: await ask('-g') };
  } catch {
    // id(1) fails for one reason that matters here: the name is unknown.
    return undefined;
  }
}
