import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Whether a process itself holds an open UDP port, in whatever network namespace it is. */
export function listensOn(pid: number, port: number): boolean {
  try {
    const held = new Set(readdirSync(`/proc/${pid}/fd`).map((descriptor) => linkOf(`/proc/${pid}/fd/${descriptor}`)));
    return ['udp', 'udp6'].some((table) =>
      socketsOn(readFileSync(`/proc/${pid}/net/${table}`, 'utf8'), port).some((inode) => held.has(`socket:[${inode}]`)),
    );
  } catch {
    return false; // It has ended.
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // It has just been closed.
  }
}

/** The inodes of the sockets that are bound to a port, from a table such as /proc/net/udp (proc(5)). */
function socketsOn(table: string, port: number): string[] {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  const rows = table.split('\n').map((row) => row.trim().split(/\s+/));
  return rows.flatMap(([, local, , , , , , , , inode]) =>
    local?.endsWith(`:${hexadecimal}`) === true && inode !== undefined ? [inode] : [],
  );
}
