import { readdir, readFile, readlink } from 'node:fs/promises';
import { processStat } from '../plugin-kit/process-stat.js';
import { addressBytes } from './address-bytes.js';
import type { Endpoint } from './endpoint.js';

/** The state of a socket that listens, in /proc/net/tcp (proc(5)). */
const LISTENS = '0A';

interface Listener {
  readonly inode: string;
  readonly uid: string;
}

/**
 * Who listens on a TCP port of this machine, for people: its name and number where this process may know them, else the
 * number of its user; `undefined` where the system does not tell.
 */
export async function listenerOwner(endpoint: Endpoint): Promise<string | undefined> {
  const listener = await listenerOn(endpoint);
  if (listener === undefined) return undefined;
  for (const pid of await processes()) if (await holds(pid, listener)) return described(pid);
  return ofUser(listener);
}

/**
 * The same for a listener that none of a program's processes has: neither its first process, nor one of its group or
 * session, nor a descendant. `undefined` also where nobody can tell: of other users' processes it is only known whether
 * one of them runs as the user who has opened the socket, and root may have opened it for anybody.
 */
export async function listenerApartFrom(endpoint: Endpoint, leader: number): Promise<string | undefined> {
  const listener = await listenerOn(endpoint);
  if (listener === undefined || (await holds(String(leader), listener))) return undefined;
  let stranger: string | undefined;
  let mayBeOurs = listener.uid === '0';
  for (const pid of await processes()) {
    const isOurs = belongsTo(Number(pid), leader);
    if (await holds(pid, listener)) {
      // A socket may be open in several processes.
      if (isOurs) return undefined;
      stranger ??= pid;
    }
    mayBeOurs ||= isOurs && (await usersOf(pid)).includes(listener.uid);
  }
  if (stranger !== undefined) return described(stranger);
  return mayBeOurs ? undefined : ofUser(listener);
}

/**
 * Which of these first processes has a listener, itself or by a process that belongs to it; `undefined` where another
 * program has it, `unknown` where this process may not know whose it is.
 */
export async function listenerLeader(
  endpoint: Endpoint,
  leaders: readonly number[],
): Promise<number | 'unknown' | undefined> {
  const listener = await listenerOn(endpoint);
  if (listener === undefined) return undefined;
  let isKnown = false;
  for (const pid of await processes()) {
    if (!(await holds(pid, listener))) continue;
    isKnown = true;
    const leader = leaders.find((each) => belongsTo(Number(pid), each));
    if (leader !== undefined) return leader;
  }
  return isKnown ? undefined : 'unknown';
}

async function listenerOn({ address, port }: Endpoint): Promise<Listener | undefined> {
  const wanted = addressBytes(address);
  if (wanted === undefined) return undefined;
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((table) => readable(readFile(`/proc/net/${table}`, 'latin1'), '')),
  );
  const listeners = tables
    .flatMap((table) => table.split('\n'))
    .map((row) => row.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTENS && local?.endsWith(end) === true);
  // One that listens on the address itself gets the connection, else one that listens on all.
  const exact = hexadecimal(wanted);
  const found =
    listeners.find(([, local]) => local?.slice(0, -end.length) === exact) ??
    listeners.find(([, local]) => /^0+$/.test(local?.slice(0, -end.length) ?? ''));
  const [uid, inode] = [found?.[7], found?.[9]];
  return uid === undefined || inode === undefined ? undefined : { uid, inode };
}

/** As the kernel writes it: in 32-bit words of the machine, which is little-endian. */
function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes).swap32().toString('hex').toUpperCase();
}

async function processes(): Promise<readonly string[]> {
  return (await readable(readdir('/proc'), [])).filter((name) => /^\d+$/.test(name));
}

async function holds(pid: string, { inode }: Listener): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  for (const descriptor of await readable(readdir(folder), [])) {
    if ((await readable(readlink(`${folder}/${descriptor}`), '')) === `socket:[${inode}]`) return true;
  }
  return false;
}

function belongsTo(pid: number, leader: number): boolean {
  try {
    for (let member = pid; member > 1;) {
      const [, parent, group, session] = processStat(member).map(Number);
      if ([member, group, session].includes(leader)) return true;
      member = parent as number;
    }
    return false;
  } catch {
    // It has ended meanwhile.
    return true;
  }
}

/** The users as whom a process runs, and has run (proc_pid_status(5)). */
async function usersOf(pid: string): Promise<readonly string[]> {
  const status = await readable(readFile(`/proc/${pid}/status`, 'latin1'), '');
  return /^Uid:\s+(.*)$/m.exec(status)?.[1]?.split(/\s+/) ?? [];
}

function ofUser({ uid }: Listener): string {
  return `a program of the user with the number ${uid}`;
}

async function described(pid: string): Promise<string> {
  const name = await readable(readFile(`/proc/${pid}/comm`, 'utf8'), 'a program');
  return `${name.trim()} (process ${pid})`;
}

/** A process may end at any moment, and that of another user tells nothing. */
function readable<T>(reading: Promise<T>, otherwise: T): Promise<T> {
  return reading.catch(() => otherwise);
}
