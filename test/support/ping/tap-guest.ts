import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ipv4Bytes, ipv6Bytes } from '#core/net/address-bytes.js';
import { cacheFolder, finishedFoldersIn, makeAtOnce } from '../cache-folder.js';

const SOURCE = fileURLToPath(new URL('../../../support/ping/tap-guest.c', import.meta.url));

const FLAGS =
  '-O1 -s -static -nostdlib -ffreestanding -fno-stack-protector -fno-tree-loop-distribute-patterns -Wl,--build-id=none,-z,noseparate-code';

/** The path of the unikernel in `tap-guest.c`, compiled. It must be reached by other users. */
export async function compileTapGuest(compiler: string): Promise<string> {
  const source = await readFile(SOURCE);
  const name = `${process.arch}-${createHash('sha256').update(source).update(FLAGS).digest('hex').slice(0, 12)}`;
  const made = cacheFolder('tap-guest');
  const folder = join(made, name);
  if (!(await finishedFoldersIn(made)).includes(name)) {
    await makeAtOnce(folder, async (unfinished) => {
      await promisify(execFile)(compiler, [...FLAGS.split(' '), '-o', join(unfinished, 'tap-guest'), SOURCE]);
    });
  }
  return join(folder, 'tap-guest');
}

/** What it takes on its command line. @param device `/dev/net/tun`, or another name of it */
export function tapGuestWords(tap: string, addresses: readonly string[], device = '/dev/net/tun'): string[] {
  const hex = addresses.map((address) =>
    Buffer.from(isIPv6(address) ? ipv6Bytes(address) : ipv4Bytes(address)).toString('hex'),
  );
  return [device, tap, ...hex];
}
