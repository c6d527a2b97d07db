import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
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
export function listenerOwner(endpoint: Endpoint): string | undefined {
  const listener = listenerOn(endpoint);
  if (listener === undefined) return undefined;
  const pid = readable(() => readdirSync('/proc'), []).find(
    (name) => /^\d+$/.test(name) && holds(name, listener.inode),
  );
  if (pid === undefined) return `a program of the user with the number ${listener.uid}`;
  return `${readable(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), 'a program')} (process ${pid})`;
}

function listenerOn({ address, port }: Endpoint): Listener | undefined {
  const wanted = addressBytes(address);
  if (wanted === undefined) return undefined;
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const listeners = ['tcp', 'tcp6'].flatMap((table) =>
    readable(() => readFileSync(`/proc/net/${table}`, 'latin1'), '')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, local, , state]) => state === LISTENS && local?.endsWith(end) === true),
  );
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

function holds(pid: string, inode: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readable(() => readdirSync(folder), []).some(
    (descriptor) => readable(() => readlinkSync(`${folder}/${descriptor}`), '') === `socket:[${inode}]`,
  );
}

/** A process may end at any moment, and that of another user tells nothing. */
function readable<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise;
  }
}
