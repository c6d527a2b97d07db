import { opendirSync, readlinkSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { addressBytes } from './address-bytes.js';
import type { Endpoint } from './endpoint.js';

/** The state of a socket that listens, in /proc/net/tcp (proc(5)). */
const LISTENS = '0A';

/** The bytes of such a table that are read at once. */
const PART = 16_384;

/** The descriptors and processes that are looked at in one turn of the event loop, some 0.3 ms, and for one answer. */
const LOOKS_A_TURN = 64;
const MOST_LOOKS = 200_000;

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
  const pid = await holderOf(`socket:[${listener.inode}]`);
  if (pid === undefined) return `a program of the user with the number ${listener.uid}`;
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'a program');
  return `${name.trim()} (process ${pid})`;
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

/** The first process that has a descriptor for this socket, as far as this process may know. */
async function holderOf(socket: string): Promise<string | undefined> {
  const pids = await readdir('/proc').catch(() => []);
  let looks = 0;
  for (const link of descriptorsOf(pids)) {
    if (link.target === socket) return link.pid;
    looks += 1;
    if (looks === MOST_LOOKS) return undefined;
    if (looks % LOOKS_A_TURN === 0) await turn();
  }
  return undefined;
}

/** Where the descriptors of processes lead; one without a target for each process. */
function* descriptorsOf(pids: readonly string[]): Iterable<{ readonly pid: string; readonly target?: string }> {
  for (const pid of pids) {
    if (!/^\d+$/.test(pid)) continue;
    yield { pid };
    // It may end at any moment, and that of another user tells nothing.
    const folder = readable(() => opendirSync(`/proc/${pid}/fd`));
    if (folder === undefined) continue;
    try {
      for (let entry = readable(() => folder.readSync()); entry; entry = readable(() => folder.readSync())) {
        const link = `${folder.path}/${entry.name}`;
        const target = readable(() => readlinkSync(link));
        if (target !== undefined) yield { pid, target };
      }
    } finally {
      folder.closeSync();
    }
  }
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
