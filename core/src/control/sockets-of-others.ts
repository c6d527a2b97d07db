import { readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { localAccounts } from '../files/accounts.js';
import { DRAFT_SUFFIX } from './control-socket.js';

/** SO_ACCEPTCON, the flag of a socket that listens. */
const LISTENS = 0x10000;

/** A control socket on which a Jitsu of another user listens. */
export interface ForeignSocket {
  readonly socket: string;
  /** The name of the user whose folder it lies in, or its number. */
  readonly owner: string;
}

/**
 * The control sockets in the usual runtime folders of other users: the kernel lists all sockets (/proc/net/unix), also
 * those in folders that this user may not look into. Empty where the system does not tell.
 */
export function socketsOfOthers(list: string = listOfSockets()): readonly ForeignSocket[] {
  const found = new Map<string, ForeignSocket>();
  for (const line of list.split('\n')) {
    // Num: RefCount Protocol Flags Type St Inode Path, where the path is the one that it was bound to.
    const [, flags = '', path = ''] = /^\w+: \w+ \w+ (\w+) \w+ \w+ +\d+ (\/.*)$/.exec(line) ?? [];
    if ((parseInt(flags, 16) & LISTENS) === 0 || basename(path) !== `control.sock${DRAFT_SUFFIX}`) continue;
    const folder = dirname(path);
    const owner = /^jitsu(-|$)/.test(basename(folder)) ? ownerOf(folder) : undefined;
    const socket = path.slice(0, -DRAFT_SUFFIX.length);
    if (owner !== undefined) found.set(socket, { socket, owner });
  }
  return [...found.values()];
}

function listOfSockets(): string {
  try {
    return readFileSync('/proc/net/unix', 'latin1');
  } catch {
    return '';
  }
}

/** `undefined` for a folder of this user, and for one that is not there, as in a container. */
function ownerOf(folder: string): string | undefined {
  const uid = uidOf(folder) ?? uidOf(dirname(folder));
  if (uid === undefined || uid === process.getuid?.()) return undefined;
  return localAccounts().find((account) => account.uid === uid)?.name ?? `the user with the number ${uid}`;
}

/** `undefined` for what lies in a folder that this user may not look into, such as the session of somebody else. */
function uidOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}
