import { opendirSync, readlinkSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { processStat } from '../plugin-kit/process-stat.js';
import { addressBytes } from './address-bytes.js';
import type { Endpoint } from './endpoint.js';

/** The state of a socket that listens, in /proc/net/tcp (proc(5)). */
const LISTENS = '0A';

/** The bytes of such a table that are read at once. */
const PART = 16_384;

/** The descriptors and processes that are looked at in one turn of the event loop, which takes some 0.3 ms. */
const LOOKS_A_TURN = 64;

interface Listener {
  readonly inode: string;
  readonly uid: string;
}

/**
 * Who listens on a TCP port of this machine, for people: its name and number where this process may know them, else the
 * number of its user; `undefined` where the system does not tell. A machine may have thousands of processes, so that
 * they are looked at little by little.
 */
export async function listenerOwner(endpoint: Endpoint): Promise<string | undefined> {
  const listener = await listenerOn(endpoint);
  if (listener === undefined) return undefined;
  const search = new Search(listener);
  for (const pid of await processes()) if (await search.findsIn(pid)) return described(pid);
  return ofUser(listener);
}

/**
 * The same for a listener that none of a program's processes has: neither its first process, nor one of its group or
 * session, nor a descendant. `undefined` also where nobody can tell: of other users' processes it is only known whether
 * one of them runs as the user who has opened the socket, and root may have opened it for anybody.
 */
export async function listenerApartFrom(endpoint: Endpoint, leader: number): Promise<string | undefined> {
  const listener = await listenerOn(endpoint);
  if (listener === undefined) return undefined;
  const search = new Search(listener);
  if (await search.findsIn(String(leader))) return undefined;
  let stranger: string | undefined;
  let mayBeOurs = listener.uid === '0';
  for (const pid of await processes()) {
    const isOurs = belongsTo(Number(pid), leader);
    if (await search.findsIn(pid)) {
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
  const search = new Search(listener);
  let isKnown = false;
  for (const pid of await processes()) {
    if (!(await search.findsIn(pid))) continue;
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
  const exact = hexadecimal(wanted) + end;
  let onAll: Listener | undefined;
  for (const table of ['tcp', 'tcp6']) {
    for await (const row of listening(`/proc/net/${table}`)) {
      const [, local = '', , , , , , uid = '', , inode = ''] = row;
      // One that listens on the address itself gets the connection, else one that listens on all.
      if (local === exact) return { uid, inode };
      if (local.endsWith(end) && /^0+$/.test(local.slice(0, -end.length))) onAll ??= { uid, inode };
    }
  }
  return onAll;
}

/** The rows of a table for sockets that listen, which are its first ones, in fields. */
async function* listening(table: string): AsyncIterable<readonly string[]> {
  const file = await open(table).catch(() => undefined);
  if (file === undefined) return;
  try {
    const buffer = Buffer.alloc(PART);
    let rest = '';
    for (let isHeading = true; ;) {
      const { bytesRead } = await file.read(buffer, 0, PART, null);
      if (bytesRead === 0) return;
      const rows = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = rows.pop() as string;
      for (const row of rows) {
        const fields = row.trim().split(/\s+/);
        if (!isHeading && fields[3] !== LISTENS) return;
        if (!isHeading) yield fields;
        isHeading = false;
      }
    }
  } finally {
    await file.close();
  }
}

/** As the kernel writes it: in 32-bit words of the machine, which is little-endian. */
function hexadecimal(bytes: Uint8Array): string {
  return Buffer.from(bytes).swap32().toString('hex').toUpperCase();
}

async function processes(): Promise<readonly string[]> {
  return (await readable(readdir('/proc'), [])).filter((name) => /^\d+$/.test(name));
}

/** Lets the event loop go round now and then while it looks at many descriptors. */
class Search {
  #looks = 0;

  constructor(private readonly socket: Listener) {}

  /** Whether a process has a descriptor for the socket. It may end at any moment, and that of another user tells nothing. */
  async findsIn(pid: string): Promise<boolean> {
    await this.#look();
    const folder = atOnce(() => opendirSync(`/proc/${pid}/fd`));
    if (folder === undefined) return false;
    const socket = `socket:[${this.socket.inode}]`;
    try {
      for (let entry = atOnce(() => folder.readSync()); entry; entry = atOnce(() => folder.readSync())) {
        const link = `${folder.path}/${entry.name}`;
        if (atOnce(() => readlinkSync(link)) === socket) return true;
        await this.#look();
      }
    } finally {
      folder.closeSync();
    }
    return false;
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    if (this.#looks % LOOKS_A_TURN === 0) await turn();
  }
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

/** Read in this thread: to hand each look to another one costs more than the look. */
function atOnce<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
