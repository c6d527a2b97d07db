import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../support/find-program.js';
import { compileTapGuest } from '../support/ping/tap-guest.js';

const PROGRAM = fileURLToPath(new URL('cold-in-namespace.js', import.meta.url));

/**
 * A network of its own with a TAP device, which everybody may use and in which everybody may ping, and a folder of its
 * own with the program.
 */
const NETWORK = [
  'ip link set lo up',
  'echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range',
  'ip tuntap add dev tap0 mode tap',
  'ip address add 10.7.0.1/24 dev tap0',
  'ip link set tap0 up',
  'mount -t tmpfs -o mode=755 none /mnt',
  'mknod -m 666 /mnt/tun c 10 200',
  'install -m 755 "$3" /mnt/guest',
  'exec "$1" "$2" /mnt/guest /mnt/tun',
].join(' && ');

/**
 * From the query for the name of a program of a few KiB, which does not run, to the answer to a ping, against the same
 * program spawned and pinged by hand, by the same calls and by turns.
 */
export async function benchCold(): Promise<void> {
  const [compiler, unshare] = [findProgram('cc'), findProgram('unshare')];
  const isRoot = process.getuid?.() === 0;
  if (compiler === undefined || unshare === undefined || findProgram('ip') === undefined || !isRoot) {
    console.log('\ncold: left out, as it takes root, cc, ip and unshare');
    return;
  }
  if (!existsSync('/dev/net/tun')) {
    console.log('\ncold: left out, as there is no /dev/net/tun');
    return;
  }
  const guest = await compileTapGuest(compiler);
  const words = ['--net', '--mount', 'sh', '-c', NETWORK, 'sh', process.execPath, PROGRAM, guest];
  const { status } = spawnSync(unshare, words, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`The bench in its network ended with status ${String(status)}`);
}
